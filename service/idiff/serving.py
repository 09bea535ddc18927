"""The Answer Model release that answers, exchangeable while it does."""

import asyncio
import logging
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from idiff.answer.ensemble import Ensemble
from idiff.errors import ExchangeRunning
from idiff.memory import give_back
from idiff.metrics import Metrics

log = logging.getLogger(__name__)

PAIR_S: Final = 5.0
"""When the last pair of the release before, and with it that release, should be gone."""


@dataclass(slots=True)
class Serving:
    """`ensemble`, of the release in `folder`, judges new pairs; `load` makes the ensemble of another folder, warm.

    Pairs that are being judged keep the ensemble they began with, which is freed with the last of them.
    """

    ensemble: Ensemble
    folder: Path
    load: Callable[[Path], Ensemble]
    metrics: Metrics
    _exchanging: asyncio.Lock = field(default_factory=asyncio.Lock)

    def __post_init__(self) -> None:
        self._tell()

    async def exchange(self, folder: Path | None = None) -> Ensemble:
        """Serve the release in `folder`, or what the present folder holds now; gives the ensemble that answered before.

        Raises:
            ReleaseRefused: it cannot be used; the present one goes on answering.
            ExchangeRunning: another exchange has not ended.
        """
        folder = folder or self.folder
        if self._exchanging.locked():
            raise ExchangeRunning("another release is being loaded; try again when it is done")
        async with self._exchanging:
            try:
                ensemble = await asyncio.to_thread(self.load, folder)
            except Exception as error:
                self.metrics.exchanges.labels("refused").inc()
                log.error("release %s goes on answering: %s", self.ensemble.manifest.version, error)
                raise
            before, self.ensemble, self.folder = self.ensemble, ensemble, folder
        self.metrics.exchanges.labels("done").inc()
        loop = asyncio.get_running_loop()
        loop.call_later(PAIR_S, loop.run_in_executor, None, give_back)
        self._tell()
        return before

    def _tell(self) -> None:
        origin, manifest = self.ensemble.origin, self.ensemble.manifest
        self.metrics.observe_release(manifest)
        log.info("release %s answers on %s", origin.version, ", ".join(origin.providers))
        if manifest.reference is None:
            log.info("release %s has no reference: the drift of features is not measured", origin.version)
