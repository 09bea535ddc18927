"""How far single statistics get alone: the bar a release must clear."""

from collections.abc import Sequence
from dataclasses import dataclass

from idiff_models.evaluate.intervals import Share, share
from idiff_models.evaluate.judging import Judged


@dataclass(frozen=True)
class Single:
    """One statistic of one view as a judge: `higher` whether the higher value was taken as the better photo's."""

    name: str
    higher: bool
    test: Share


def singles(validation: Sequence[Judged], test: Sequence[Judged]) -> list[Single]:
    """Every statistic, best first. Each gets the sign that is right more often on the validation pairs."""
    found = []
    for name in validation[0].statistics:
        higher = share([row.statistics[name] for row in validation]).value >= 0.5
        sign = 1 if higher else -1
        found.append(Single(name, higher, share([sign * row.statistics[name] for row in test])))
    return sorted(found, key=lambda single: -single.test.value)
