"""Shares with their uncertainty."""

import math
from dataclasses import dataclass


@dataclass(frozen=True)
class Share:
    """`right` of `pairs`; ties count half."""

    right: float
    pairs: int

    @property
    def value(self) -> float:
        """The share, nan of nothing."""
        return self.right / self.pairs if self.pairs else float("nan")

    def wilson(self, z: float = 1.959964) -> tuple[float, float]:
        """Wilson's score interval (1927), 95 % by default."""
        if not self.pairs:
            return 0.0, 1.0
        n, p = self.pairs, self.value
        centre = (p + z * z / (2 * n)) / (1 + z * z / n)
        half = z / (1 + z * z / n) * math.sqrt(p * (1 - p) / n + z * z / (4 * n * n))
        return max(0.0, centre - half), min(1.0, centre + half)

    def __str__(self) -> str:
        low, high = self.wilson()
        return f"{100 * self.value:.1f} % [{100 * low:.1f}, {100 * high:.1f}]"


def share(values: list[float]) -> Share:
    """The share of positive values; zeros are ties."""
    return Share(sum(1.0 if value > 0 else 0.5 if value == 0 else 0.0 for value in values), len(values))
