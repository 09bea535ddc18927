"""Threads for work that needs a core, which notice when a call of theirs hangs."""

import math
import os
import sys
import threading
import time
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Final, ParamSpec, TypeVar

P = ParamSpec("P")
T = TypeVar("T")

HANGS_S: Final = 30.0
"""Decoding the largest picture takes seconds, a model's call milliseconds; what runs for so long will not end."""


NICE: Final = 5
"""Of a worker: the event loop, which answers probes and refusals, is given a core at once. On two busy cores it halves
the loop's longest waits."""


def _step_back() -> None:
    if sys.platform == "linux":  # elsewhere niceness is the whole process's
        thread = threading.get_native_id()
        # Only root may take a step forward, as it would be in a process that is nicer already.
        os.setpriority(os.PRIO_PROCESS, thread, max(NICE, os.getpriority(os.PRIO_PROCESS, thread)))


class Workers(ThreadPoolExecutor):
    """A pool that knows since when each of its threads has been at its present call. No thread can be stopped: one that
    hangs is lost to the pool for good. `patient`: they step back for the event loop."""

    def __init__(self, threads: int, name: str, *, patient: bool = True) -> None:
        super().__init__(threads, thread_name_prefix=name, initializer=_step_back if patient else None)
        self._begun: dict[int, float] = {}

    def submit(self, function: Callable[P, T], /, *args: P.args, **kwargs: P.kwargs) -> Future[T]:
        """Let a thread call it, as any executor does."""
        return super().submit(self._timed, function, *args, **kwargs)

    def _timed(self, function: Callable[P, T], /, *args: P.args, **kwargs: P.kwargs) -> T:
        thread = threading.get_ident()
        self._begun[thread] = time.monotonic()
        try:
            return function(*args, **kwargs)
        finally:
            del self._begun[thread]

    @property
    def fault(self) -> str | None:
        """That a call hangs, None where none does."""
        longest = time.monotonic() - min([*self._begun.values()], default=math.inf)
        return f"a call has been running for {longest:.0f} s" if longest > HANGS_S else None
