"""How far the words of a rationale agree with what was measured of the photographs."""

from collections.abc import Iterable
from statistics import fmean

from idiff.thinking.check import check
from idiff.thinking.measured import Measured
from idiff.thinking.parse import read_lines
from idiff.types import Rationale


def grounding(text: str, measured: Measured) -> float | None:
    """Share of the checkable lines of a text that agree, 0-1; None where none is checkable."""
    return check(Rationale("model", text, tuple(read_lines(text)), "", None, ""), measured).grounding


def mean(groundings: Iterable[float | None]) -> float | None:
    """Of those that there are."""
    known = [value for value in groundings if value is not None]
    return fmean(known) if known else None
