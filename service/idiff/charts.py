"""After the verdict: pictures of where a pair differs, for callers who ask for them."""

import logging

from idiff.engine import Engine
from idiff.imaging import maps
from idiff.pipeline import Judgement, announce
from idiff.types import Maps, Notice

log = logging.getLogger(__name__)


async def chart(judgement: Judgement, engine: Engine) -> Maps | None:
    """The maps that were asked for, None where none were or where they failed: a verdict never fails with them."""
    if judgement.maps == "none":
        return None
    with judgement.clock.stage("maps"):
        try:
            async with judgement.deadline.kept():
                return await engine.run(_draw, judgement)
        except Exception:
            log.exception("%s: no maps", judgement.id)
    announce(judgement, chart_notices(judgement, None), engine)
    return None


def chart_notices(judgement: Judgement, drawn: Maps | None) -> tuple[Notice, ...]:
    """What to say where maps were asked for and there are none."""
    if judgement.maps == "none" or drawn:
        return ()
    return (Notice("maps_missing", "the maps could not be drawn; the verdict stands", "maps"),)


def _draw(judgement: Judgement) -> Maps:
    wanted, views = judgement.maps.split(","), judgement.views
    return Maps(
        maps.difference(views) if "difference" in wanted else None,
        maps.sharpness(views) if "sharpness" in wanted else None,
    )
