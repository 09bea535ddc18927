"""The pipeline in process, without a server."""

from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from idiff import pipeline
from idiff.api import present, present_ranking
from idiff.config import Settings
from idiff.engine import Engine
from idiff.metrics import Metrics
from idiff.ranking.pipeline import rank
from idiff.ranking.schemas import Ranking, ReasonOption
from idiff.ranking.upload import make_rank_upload
from idiff.schemas import AttributesOption, CategoryOption, Comparison, RationaleOption
from idiff.thinking.watch import check_now
from idiff.upload import make_upload


@dataclass(frozen=True)
class Local:
    """Compares files as the service would."""

    engine: Engine

    async def compare(
        self,
        image_a: Path,
        image_b: Path,
        *,
        category: CategoryOption = "auto",
        rationale: RationaleOption = "auto",
        attributes: AttributesOption = "false",
    ) -> Comparison:
        """Compare two photo files.

        Raises:
            IdiffError: a photo cannot be used.
            OSError: a file cannot be read.
        """
        upload = make_upload(
            {"image_a": image_a.read_bytes(), "image_b": image_b.read_bytes()},
            {"category": category, "rationale": rationale, "attributes": attributes},
        )
        return await present.concluded(await pipeline.judge(upload, self.engine), self.engine)

    async def rank(
        self,
        photos: Sequence[Path],
        *,
        category: CategoryOption = "auto",
        rationale: ReasonOption = "measured",
        progress: Callable[[], None] = lambda: None,
    ) -> Ranking:
        """Put photo files of one scene in order. `progress` is called `idiff.ranking.pipeline.STEPS` times a photo.

        Raises:
            IdiffError: a photo cannot be used, or there are too few or too many.
            OSError: a file cannot be read.
        """
        options = {"category": category, "rationale": rationale}
        upload = make_rank_upload([photo.read_bytes() for photo in photos], options)
        with self.engine.admission.ranking(len(photos)) as places:
            ranked = await rank(upload, self.engine, 2 * places, progress=progress)
        return await present_ranking.concluded(ranked, self.engine)


@asynccontextmanager
async def local(rationale: RationaleOption = "auto") -> AsyncIterator[Local]:
    """What is configured, loaded for the block. `rationale`: what is going to be asked for; a Thinking Model is proven
    only where it may write.

    Raises:
        ReleaseRefused: the release cannot be loaded.
    """
    settings = Settings()
    engine = Engine.load(settings, Metrics())
    try:
        if settings.thinking_url and rationale not in ("measured", "none"):
            for model, canary in zip(engine.thinking, settings.canaries, strict=False):
                if canary:
                    await check_now(model, canary)
        yield Local(engine)
    finally:
        await engine.close()
