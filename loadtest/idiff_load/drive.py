"""A profile's phases, one after another."""

import time
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from itertools import pairwise
from typing import Final

import gevent

from idiff_load import counters, knee
from idiff_load.arrivals import Arrival, dispatch, poisson
from idiff_load.caller import Callers
from idiff_load.profiles import PhasePlan, Profile
from idiff_load.records import Phase
from idiff_load.summary import phases

LEAD_SECONDS: Final = 0.3


def warm(callers: Callers, bodies: int) -> None:
    """Send every body once, two at a time, and forget the replies.

    Raises:
        SystemExit: the service does not answer one of them.
    """
    for body in range(bodies):
        callers.spawn(Arrival("warm-up", time.monotonic(), body))
        if body % 2:
            callers.join()
    callers.join()
    for reply in callers.replies:
        if reply.outcome != "answered":
            raise SystemExit(f"a pair of {reply.megapixels:g} MP got {reply.status} {reply.code} without any load")
    callers.forget()


@dataclass
class Drive:
    """Sends a profile's load. `bodies`: how many the callers have; `knee`: given, or found on the way; `phases`: those
    driven, on the monotonic clock as the callers' replies are."""

    profile: Profile
    callers: Callers
    url: str
    bodies: int
    seed: int
    knee: float | None
    tell: Callable[[str], object] = print
    phases: list[Phase] = field(default_factory=list)

    def run(self) -> None:
        """Drive all phases and wait for the last reply."""
        marks = [gevent.spawn(counters.scrape, self.url)]
        for plan in self.profile.plan:
            rate = self._rate(plan)
            if rate is None:
                self.tell(f"{plan.name}: left out")
                continue
            self._drive(plan, rate)
            # Beside the load, so that no arrival waits for the service's counters.
            marks.append(gevent.spawn(counters.scrape, self.url))
        self.callers.join()
        marks[-1] = gevent.spawn(counters.scrape, self.url)
        grown = [counters.growth(before.get(), after.get()) for before, after in pairwise(marks)]
        self.phases = [replace(phase, counters=own) for phase, own in zip(self.phases, grown, strict=True)]

    def _rate(self, plan: PhasePlan) -> float | None:
        """Requests per second; None for a phase that has no sense: a rate beyond hope, or one by an unknown knee."""
        if plan.knee:
            return plan.knee * self.knee if self.knee else None
        rule = self.profile.rule
        return None if rule and knee.hopeless(phases(self.phases, self.callers.replies), rule) else plan.rate

    def _drive(self, plan: PhasePlan, rate: float) -> None:
        follows = self.phases and not self.profile.settle
        start = self.phases[-1].end_s if follows else time.monotonic() + LEAD_SECONDS
        phase = Phase(plan.name, rate, start, plan.seconds)
        self.tell(f"{phase.name}: {rate:.2f}/s for {phase.seconds:g} s")
        dispatch(poisson(phase.name, rate, start, phase.seconds, self.bodies, self.seed), self.callers.spawn)
        time.sleep(max(0, phase.end_s - time.monotonic()))
        if self.profile.settle:
            self.callers.join()
        self.phases.append(phase)
        if self.profile.rule and plan.rate:
            self.knee = knee.knee(phases(self.phases, self.callers.replies), self.profile.rule)
