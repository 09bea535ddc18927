"""Milliseconds per stage of one comparison."""

import time
from collections.abc import Iterator
from contextlib import contextmanager

from idiff.metrics import Metrics


class Stopwatch:
    """Times the stages of one comparison, for its answer and for the stage histogram."""

    def __init__(self, metrics: Metrics) -> None:
        self._metrics = metrics
        self._start = time.perf_counter()
        self._stages: dict[str, float] = {}

    @contextmanager
    def stage(self, name: str) -> Iterator[None]:
        """Record the wall time of the block as stage `name`."""
        start = time.perf_counter()
        try:
            yield
        finally:
            seconds = time.perf_counter() - start
            self._stages[name] = seconds
            self._metrics.stage_seconds.labels(name).observe(seconds)

    def milliseconds(self) -> dict[str, float]:
        """Stage name to milliseconds so far, and `total` since the comparison began."""
        stages = self._stages | {"total": time.perf_counter() - self._start}
        return {name: round(1000 * seconds, 2) for name, seconds in stages.items()}
