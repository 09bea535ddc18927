"""A circuit breaker: a server that keeps failing is left alone, then tried with one probe."""

import time
from collections.abc import Callable
from typing import Literal

State = Literal["closed", "open", "half_open"]


class Breaker:
    """Closed until `failures` calls in a row fail; then open for `reset_s` seconds; then half-open for a single probe.

    The probe's success closes it, its failure opens it anew, and if it ends without either the next call is the probe.
    Calls that began before the circuit last changed no longer count. Not thread-safe: for one event loop.
    """

    def __init__(self, failures: int, reset_s: float, clock: Callable[[], float] = time.monotonic) -> None:
        self._failures, self._reset_s, self._clock = failures, reset_s, clock
        self._consecutive = 0
        self._opened_at: float | None = None
        self._probing = False
        self._generation = 0

    @property
    def state(self) -> State:
        """What the next call would meet."""
        if self._opened_at is None:
            return "closed"
        return "half_open" if self._clock() - self._opened_at >= self._reset_s else "open"

    def admit(self) -> "Permit | None":
        """Leave for one call, to be settled when it ends, or None while the server is left alone."""
        state = self.state
        if state == "open" or (state == "half_open" and self._probing):
            return None
        self._probing = state == "half_open"
        return Permit(self, self._generation)

    def settle(self, generation: int, outcome: bool | None) -> None:
        """Count a call that was admitted in `generation`: True for success, False for failure, None for neither."""
        if generation != self._generation:
            return
        self._probing = False
        if outcome is True:
            self._consecutive = 0
            if self._opened_at is not None:
                self._change(None)
        elif outcome is False:
            self._consecutive += 1
            if self._opened_at is not None or self._consecutive >= self._failures:
                self._change(self._clock())

    def _change(self, opened_at: float | None) -> None:
        self._opened_at, self._generation = opened_at, self._generation + 1


class Permit:
    """Leave for one call through a `Breaker`; only the first `settle` counts."""

    def __init__(self, breaker: Breaker, generation: int) -> None:
        self._breaker: Breaker | None = breaker
        self._generation = generation

    def settle(self, outcome: bool | None) -> None:
        """The call ended: True for success, False for failure, None for neither (cancelled, or refused as busy)."""
        if self._breaker is not None:
            self._breaker.settle(self._generation, outcome)
            self._breaker = None
