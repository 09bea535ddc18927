"""When a request is sent again: every call may be repeated, since the service keeps nothing of it."""

import random
import time
from typing import Final

import httpx

from idiff.client.answer import ServiceError

REPEATED: Final = frozenset({429, 503})
"""Statuses after which the same request may succeed: the key or the service is busy, or starts, or ends."""

LOST: Final = (httpx.ReadError, httpx.WriteError, httpx.RemoteProtocolError)
"""A connection that broke: the process behind it ended, or it was kept too long."""

FIRST_PAUSE_S: Final = 0.25
JITTER: Final = 0.5
"""Up to this share is added to a pause, by chance: those who were refused together must not come back together."""


class Attempts:
    """The attempts of one call: one and at most `retries` more, within `timeout_s` seconds from now."""

    def __init__(self, retries: int, timeout_s: float) -> None:
        self._retries = retries
        self._end = time.monotonic() + timeout_s
        self._pause_s = FIRST_PAUSE_S

    @property
    def left_s(self) -> float:
        """Seconds left, never negative."""
        return max(0.0, self._end - time.monotonic())

    def pause(self, failure: ServiceError | httpx.TransportError) -> float:
        """Seconds to wait before the next attempt: at least what the service said, and twice the pause before.

        Raises:
            ServiceError, httpx.TransportError: `failure`, where it is final, all attempts are used up, or the time is.
        """
        said = failure.retry_after_s if isinstance(failure, ServiceError) else None
        if self._retries == 0 or (isinstance(failure, ServiceError) and failure.status not in REPEATED):
            raise failure
        seconds = max(said or 0.0, self._pause_s) * random.uniform(1, 1 + JITTER)  # noqa: S311
        if seconds >= self.left_s:
            raise failure
        self._retries -= 1
        self._pause_s *= 2
        return seconds
