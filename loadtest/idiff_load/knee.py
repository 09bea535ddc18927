"""The knee: the highest rate that the service keeps up with."""

from collections.abc import Sequence

from idiff_load.profiles import KneeRule
from idiff_load.summary import PhaseSummary


def shortfall(phase: PhaseSummary, rule: KneeRule) -> str | None:
    """Why the service did not keep up in `phase`; None where it did."""
    if not phase.answered:
        return "nothing was answered"
    if phase.refused or phase.failed:
        return f"{phase.refused} refused, {phase.failed} failed"
    if phase.served_per_s < rule.served_share * phase.offered_per_s:
        return f"served {phase.served_per_s:.2f}/s of {phase.offered_per_s:.2f}/s"
    if phase.p99_times is not None and phase.p99_times > rule.p99_times:
        return f"p99 is {phase.p99_times:.1f} times the lowest rate's"
    return None


def knee(phases: Sequence[PhaseSummary], rule: KneeRule) -> float | None:
    """Requests per second as they really came, of the highest rate kept up with; None where there is none."""
    kept = [phase.offered_per_s for phase in phases if shortfall(phase, rule) is None]
    return max(kept, default=None)


def hopeless(phases: Sequence[PhaseSummary], rule: KneeRule) -> bool:
    """Whether a higher rate need not be tried."""
    last = phases[-rule.misses :]
    return len(last) == rule.misses and all(shortfall(phase, rule) for phase in last)


def definition(rule: KneeRule) -> str:
    """The knee in words."""
    return (
        f"the highest rate at which nothing is refused or failed, at least {100 * rule.served_share:.0f} % of the "
        f"offered rate is served, and p99 is at most {rule.p99_times:g} times that of the lowest rate; served: answers "
        "that came while the phase lasted, its time moved by the lowest rate's median latency, so that what is merely "
        "on its way counts"
    )
