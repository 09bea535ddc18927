"""Open-loop arrivals: when requests are due, whatever becomes of those before them."""

import random
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Arrival:
    """One request: its phase, when it is due (seconds of the dispatcher's clock) and which of the bodies it sends."""

    phase: str
    due: float
    body: int


def poisson(phase: str, rate: float, start: float, seconds: float, bodies: int, seed: int) -> Iterator[Arrival]:
    """Arrivals of a Poisson process of `rate` per second, from `start` for `seconds`, each with one of the `bodies`.

    The same arguments always give the same arrivals.
    """
    # Seeded by name, so that a phase meets the same arrivals whichever phases come before it.
    chance = random.Random(f"{seed}/{phase}/{rate}")  # noqa: S311
    due = start
    while (due := due + chance.expovariate(rate)) < start + seconds:
        yield Arrival(phase, due, chance.randrange(bodies))


def dispatch(
    arrivals: Iterable[Arrival],
    spawn: Callable[[Arrival], object],
    clock: Callable[[], float] = time.monotonic,
    sleep: Callable[[float], object] = time.sleep,
) -> None:
    """Hand each arrival to `spawn` when it is due, or at once where its moment has passed.

    `spawn` starts a request and does not wait for it. No arrival is dropped or moved for the sake of another one.
    """
    for arrival in arrivals:
        wait = arrival.due - clock()
        if wait > 0:
            sleep(wait)
        spawn(arrival)
