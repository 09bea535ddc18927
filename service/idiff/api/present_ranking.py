"""From a ranking's values to the wire."""

import asyncio

from idiff import schemas
from idiff.api import present
from idiff.engine import Engine
from idiff.explanation import conclude, learn
from idiff.ranking.order import Circle
from idiff.ranking.pipeline import Ranked
from idiff.ranking.schemas import Circle as WireCircle
from idiff.ranking.schemas import RankedPhoto, Ranking, Reason


def order(ranked: Ranked) -> Ranking:
    """The answer as far as it is known when the order is final. Thousands of circles may take tens of milliseconds."""
    judgement, found, scene = ranked.judgement, ranked.order, ranked.scene
    category = judgement.verdict.category
    return Ranking(
        id=judgement.id,
        order=list(found.best_first),
        photos=[_photo(ranked, photo) for photo in range(len(ranked.photos))],
        probabilities=found.probabilities.tolist(),
        indistinguishable=[list(run) for run in found.alike],
        intransitive=[_circle(circle, found.tie_band) for circle in found.circles],
        reason=Reason(
            winner=ranked.winner,
            runner_up=ranked.runner_up,
            verdict=present.decision(judgement.verdict),
            features=schemas.Features.model_validate(judgement.features),
            rationale=None,
        ),
        category=category.name,
        category_confidence=category.confidence,
        category_source=category.source,
        aligned_to=scene.canonical[0],
        crop_method=scene.method,
        warnings=present.warnings(judgement.notices),
        provenance=present.provenance(judgement),
        timings_ms=judgement.clock.milliseconds(),
    )


async def concluded(ranked: Ranked, engine: Engine) -> Ranking:
    """The whole answer, when its reason is there."""
    judgement = ranked.judgement
    learning = asyncio.create_task(learn(judgement, engine))
    rationale, learned = await asyncio.gather(conclude(judgement, engine, learning), learning)
    answer, end = await engine.run(order, ranked), present.done(judgement, rationale, None, learned)
    answer.reason.features.learned = schemas.Learned.model_validate(learned) if learned else None
    answer.reason.rationale = schemas.Rationale.model_validate(rationale) if rationale else None
    answer.provenance.adapter = end.adapter
    answer.warnings, answer.timings_ms = end.warnings, end.timings_ms
    return answer


def _photo(ranked: Ranked, photo: int) -> RankedPhoto:
    found = ranked.order
    return RankedPhoto(
        photo=photo,
        rank=found.ranks[photo],
        strength=found.strengths[photo],
        standard_error=found.errors[photo],
        same_scene=ranked.scene.alignments[photo].same_scene,
        views=schemas.PhotoViews.model_validate(ranked.photos[photo]),
    )


def _circle(circle: Circle, tie_band: float) -> WireCircle:
    return WireCircle(photos=list(circle.photos), confidence=circle.confidence, too_close=circle.confidence < tie_band)
