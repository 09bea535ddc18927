"""How long a request may take in all, as its caller says or the service's settings."""

import asyncio
import math
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Final, Self

from idiff.errors import DeadlineExceeded, InvalidOption

HEADER: Final = "X-Request-Timeout-Ms"
LONGEST_MS: Final = 600_000
RESERVE_S: Final = 0.25
"""Kept of what is left when a model is asked to explain: measured, the rationale must still be in time."""


@dataclass(frozen=True, slots=True)
class Deadline:
    """`at`: the time on `time.monotonic`'s clock by which all must be done; infinite where there is none."""

    at: float = math.inf

    @classmethod
    def of(cls, header: str | None, default_s: float) -> Self:
        """From now: what the caller's header says, else `default_s` seconds.

        Raises:
            InvalidOption: it is not a whole number of milliseconds from 1 to `LONGEST_MS`.
        """
        if header is None:
            return cls(time.monotonic() + default_s)
        if not (header.isascii() and header.isdecimal() and len(header) < 10 and 1 <= int(header) <= LONGEST_MS):
            said = f"{HEADER} is {header[:40]!r}; it is milliseconds, a whole number from 1 to {LONGEST_MS}"
            raise InvalidOption(said, field=HEADER, limit=LONGEST_MS)
        return cls(time.monotonic() + int(header) / 1000)

    @property
    def left(self) -> float:
        """Seconds, never negative."""
        return max(0.0, self.at - time.monotonic())

    @property
    def spare(self) -> float:
        """Seconds that may be spent on what the measurements can replace."""
        return max(0.0, self.left - RESERVE_S)

    @asynccontextmanager
    async def kept(self) -> AsyncIterator[None]:
        """Cancel the block's work when the time is over.

        Raises:
            DeadlineExceeded: it was.
        """
        timeout = asyncio.timeout(None if math.isinf(self.at) else self.left)
        try:
            async with timeout:
                yield
        except TimeoutError:
            if timeout.expired():
                raise DeadlineExceeded("the time that the request had is over") from None
            raise
