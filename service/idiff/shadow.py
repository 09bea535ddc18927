"""Shadow mode: a second release judges a share of the traffic, and only metrics see what it says."""

import asyncio
import logging
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field

from idiff.answer.ensemble import Ensemble
from idiff.metrics import Metrics
from idiff.share import among
from idiff.types import Verdict, Views

log = logging.getLogger(__name__)


@dataclass(slots=True)
class Shadow:
    """`ensemble` judges the `share` (0-1) of the pairs, after their verdict and on a thread of its own.

    One pair at a time: those that come meanwhile are skipped and counted, so that it can neither queue nor take more
    than a core from the verdicts that somebody waits for.
    """

    ensemble: Ensemble
    share: float
    metrics: Metrics
    _pool: ThreadPoolExecutor = field(default_factory=lambda: ThreadPoolExecutor(1, thread_name_prefix="shadow"))
    _task: asyncio.Task[None] | None = None

    def see(self, pair: str, views: Views, verdict: Verdict) -> None:
        """Let it judge the pair of that id, whose `verdict` has been given, if it is one of its share."""
        if not among(pair, self.share, "shadow"):
            return
        if self._task and not self._task.done():
            self.metrics.shadow_pairs.labels("skipped").inc()
            return
        self._task = asyncio.create_task(self._judge(pair, views, verdict))

    async def _judge(self, pair: str, views: Views, verdict: Verdict) -> None:
        try:
            shadow = await self.ensemble.judge(views, verdict.category, self._pool)
        except Exception:  # nobody waits for it
            self.metrics.shadow_pairs.labels("failed").inc()
            log.exception("%s: the shadow release could not judge it", pair)
            return
        agrees = shadow.preferred == verdict.preferred
        self.metrics.shadow_pairs.labels("agrees" if agrees else "disagrees").inc()
        self.metrics.shadow_difference.observe(abs(shadow.probability_a - verdict.probability_a))
        if not agrees:
            said = (shadow.preferred, shadow.confidence, verdict.preferred, verdict.confidence)
            log.info("%s: the shadow release prefers %s (%.2f) to %s (%.2f)", pair, *said)

    async def aclose(self) -> None:
        """Let go of what it is judging."""
        if self._task:
            self._task.cancel()
        self._pool.shutdown(wait=False, cancel_futures=True)
