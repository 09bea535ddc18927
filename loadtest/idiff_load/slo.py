"""Service levels: what a profile demands of its measures."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from idiff_load.profiles import Bound


@dataclass(frozen=True)
class Finding:
    """One service level held against what was measured; a measure that is missing does not meet it."""

    bound: Bound
    value: float | None

    @property
    def met(self) -> bool:
        """Whether it is kept."""
        if self.value is None:
            return False
        low, high = self.bound.min, self.bound.max
        return (low is None or self.value >= low) and (high is None or self.value <= high)

    @property
    def demand(self) -> str:
        """The bound in words."""
        limits = (("at least", self.bound.min), ("at most", self.bound.max))
        return " and ".join(f"{word} {limit:g}" for word, limit in limits if limit is not None)

    def __str__(self) -> str:
        measured = "not measured" if self.value is None else f"{self.value:.4g}"
        return f"{'ok    ' if self.met else 'MISSED'} {self.bound.measure} {measured} ({self.demand})"


def check(bounds: Sequence[Bound], measures: Mapping[str, float | None]) -> list[Finding]:
    """Every bound, in its order."""
    return [Finding(bound, measures.get(bound.measure)) for bound in bounds]
