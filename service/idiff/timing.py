"""Milliseconds per stage of one comparison or ranking."""

import time
from collections.abc import Iterator
from contextlib import contextmanager

from prometheus_client import Histogram

from idiff.metrics import RankingStage, Stage
from idiff.tracing import Tracing


class Stopwatch:
    """Times the stages of one comparison or ranking, for its answer, for the histogram of such stages and as spans."""

    def __init__(self, histogram: Histogram, tracing: Tracing) -> None:
        self._histogram = histogram
        self._tracing = tracing
        self._start = time.perf_counter()
        self._stages: dict[str, float] = {}

    @property
    def seconds(self) -> float:
        """Since it began."""
        return time.perf_counter() - self._start

    @contextmanager
    def stage(self, name: Stage | RankingStage) -> Iterator[None]:
        """Record the wall time of the block as stage `name`."""
        start = time.perf_counter()
        try:
            with self._tracing.stage(name):
                yield
        finally:
            seconds = time.perf_counter() - start
            self._stages[name] = seconds
            self._histogram.labels(name).observe(seconds)

    def milliseconds(self) -> dict[str, float]:
        """Stage name to milliseconds so far, and `total` since it began."""
        stages = self._stages | {"total": self.seconds}
        return {name: round(1000 * seconds, 2) for name, seconds in stages.items()}
