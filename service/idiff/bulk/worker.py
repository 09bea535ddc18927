"""One worker: the service's own pipeline in a process, on any machine."""

import asyncio
import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

from idiff import pipeline, schemas
from idiff.api import present
from idiff.api.problems import unexpected
from idiff.bulk import table
from idiff.bulk.pairs import Pair
from idiff.bulk.storage import Photos
from idiff.config import Settings
from idiff.engine import Engine
from idiff.errors import NotLive, ReleaseRefused
from idiff.metrics import Metrics
from idiff.pipeline import Judgement
from idiff.schemas import RationaleOption
from idiff.upload import Upload, make_upload

LANES: Final = 2
"""Parts that a worker has in hand: the next one is judged while the last rationales of one are written."""
LOOK_S: Final = 5.0
AGAIN_S: Final = 2.0
AWAY: Final = frozenset({"busy", "circuit_open", "timeout", "unreachable", "upstream_error"})
"""Why a rationale was not written that may be written later."""


@dataclass(frozen=True, slots=True)
class Task:
    """What all pairs of a run have in common. `release`: the fingerprint of the one that must judge; `root`: of
    relative photos; `patience_s`: how long a Thinking Model that has gone away is waited for before rationales are
    measured instead."""

    settings: Settings
    release: str
    root: str
    rationale: RationaleOption
    patience_s: float

    @property
    def thinks(self) -> bool:
        """Whether a model is to write the rationales."""
        return self.settings.thinking_url is not None and self.rationale in ("auto", "model")


class Worker:
    """Judges parts of the list, several pairs at once.

    Raises:
        ReleaseRefused: the release cannot be loaded, or is another one here.
    """

    def __init__(self, task: Task) -> None:
        self._task = task
        settings = task.settings
        self._engine = Engine.load(settings, Metrics())
        origin = self._engine.serving.ensemble.origin
        if origin.fingerprint != task.release:
            raise ReleaseRefused(f"{settings.release_folder}: release {origin.version} here is not the run's")
        self._photos = Photos(task.root, settings.max_body_bytes)
        writing = settings.thinking_concurrency if task.thinks else 0
        self._pairs = asyncio.Semaphore(settings.in_memory + 1 + writing)
        self._rationales = asyncio.Semaphore(writing or settings.threads)
        self._away_since: float | None = None

    async def __call__(self, pairs: Sequence[Pair]) -> bytes:
        """The Parquet file of a part, its rows in the order of `pairs`.

        Raises:
            NotLive: the models have failed for good, or a call hangs.
        """
        rows = asyncio.gather(*(self._row(pair) for pair in pairs))
        while not (await asyncio.wait([rows], timeout=LOOK_S))[0]:
            if fault := self._engine.fault:
                rows.cancel()
                raise NotLive(f"pairs {pairs[0].id} to {pairs[-1].id}: {fault}")
        return await asyncio.to_thread(table.to_parquet, rows.result())

    async def close(self) -> None:
        """Let connections and threads go."""
        await self._engine.close()

    async def _row(self, pair: Pair) -> dict[str, Any]:
        async with self._pairs:
            try:
                upload = await asyncio.to_thread(self._upload, pair)
                judgement = await pipeline.judge(upload, self._engine)
                del upload  # megabytes, while a model may write for seconds
                return table.judged(pair, await self._explained(judgement))
            except Exception as error:  # whatever is wrong with a pair, the others are judged
                if fault := self._engine.fault:
                    raise NotLive(fault) from error
                return table.failed(pair, unexpected(error).error)

    def _upload(self, pair: Pair) -> Upload:
        images = {field: self._photos.read(getattr(pair, field), field) for field in ("image_a", "image_b")}
        return make_upload(images, {"category": pair.category, "rationale": self._task.rationale})

    async def _explained(self, judgement: Judgement) -> schemas.Comparison:
        """The whole answer. No caller waits, so a model that is away for a while is asked again."""
        async with self._rationales:
            while True:
                answer = await present.concluded(judgement, self._engine)
                if not self._worth_waiting(answer.rationale):
                    return answer
                await asyncio.sleep(AGAIN_S)

    def _worth_waiting(self, rationale: schemas.Rationale | None) -> bool:
        """Whether the model is away, and has not been for too long: nobody knows then whether it comes back."""
        if rationale is None or rationale.reason not in AWAY:
            self._away_since = None
            return False
        now = time.monotonic()
        self._away_since = self._away_since or now
        return now - self._away_since < self._task.patience_s
