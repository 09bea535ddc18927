"""A cap on concurrency with a short, bounded line in front of it."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from idiff.thinking.options import ThinkingUnavailable


class Slots:
    """At most `running` holders and `waiting` in line; whoever finds the line full is refused at once."""

    def __init__(self, running: int, waiting: int) -> None:
        self._semaphore = asyncio.Semaphore(running)
        self._limit = waiting
        self.running = 0
        self.waiting = 0

    @asynccontextmanager
    async def hold(self, deadline: float) -> AsyncIterator[None]:
        """Hold a slot; `deadline` in the event loop's time.

        Raises:
            ThinkingUnavailable: `busy`, if the line is full or none came free by then.
        """
        if self._semaphore.locked() and self.waiting >= self._limit:
            raise ThinkingUnavailable("busy", f"{self.running} running and {self.waiting} waiting")
        self.waiting += 1
        try:
            async with asyncio.timeout_at(deadline):
                await self._semaphore.acquire()
        except TimeoutError:
            raise ThinkingUnavailable("busy", "no slot came free before the deadline") from None
        finally:
            self.waiting -= 1
        self.running += 1
        try:
            yield
        finally:
            self.running -= 1
            self._semaphore.release()
