"""One call of the Thinking Model: its deadlines and what is known of it, for metrics and logs."""

import asyncio
import math
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable
from dataclasses import dataclass
from typing import Literal, Protocol, Self, TypeVar

from idiff.thinking.options import Reason, ThinkingUnavailable

T = TypeVar("T")


@dataclass(slots=True)
class Call:
    """Filled in as the call proceeds. Times in seconds from its start; counts None where the server did not say.

    `outcome` is `cancelled` if the caller went away, else `ok` or the reason of failure.
    """

    outcome: Reason | Literal["ok", "cancelled"] = "cancelled"
    seconds: float = 0.0
    first_token_s: float | None = None
    prompt_tokens: int | None = None
    cached_tokens: int | None = None
    completion_tokens: int | None = None


class Observer(Protocol):
    """Told of every call when it ends."""

    def __call__(self, call: Call, /) -> None:
        """`call` will not change any more."""


class Clock:
    """The deadlines of one call, in the event loop's monotonic time: of the whole, and of its first words."""

    def __init__(self, deadline_s: float, first_token_s: float, within_s: float = math.inf) -> None:
        """`within_s`: the caller's own deadline; where it is the sooner one, to miss it says nothing of the server."""
        self.hurried = within_s < deadline_s
        self._now = asyncio.get_running_loop().time
        self._start = self._now()
        self._first_token_s = first_token_s
        self._current = self.deadline = self._start + min(deadline_s, within_s)

    @property
    def elapsed(self) -> float:
        """Seconds since the call began."""
        return self._now() - self._start

    def rest(self) -> Self:
        """A new one for what is left, after which the whole is over."""
        clock = type(self)(max(0.0, self.deadline - self._now()), self._first_token_s)
        clock.hurried = self.hurried
        return clock

    def asked(self) -> None:
        """The server has been asked: its first words are due. What came before was our own queueing."""
        self._current = min(self.deadline, self._now() + self._first_token_s)

    def first_token(self) -> None:
        """The first words are there: from now on only the deadline for all counts."""
        self._current = self.deadline

    async def within(self, awaitable: Awaitable[T]) -> T:
        """Await, until the current deadline at most.

        Raises:
            ThinkingUnavailable: `timeout`.
        """
        try:
            async with asyncio.timeout_at(self._current):
                return await awaitable
        except TimeoutError:
            raise ThinkingUnavailable("timeout", f"nothing more within {self.elapsed:.2f} s") from None

    async def timed(self, source: AsyncIterator[T]) -> AsyncGenerator[T]:
        """The items of `source`, each waited for as `within` does; a consumer's time between them is not under it."""
        while True:
            try:
                item = await self.within(anext(source))
            except StopAsyncIteration:
                return
            yield item
