"""What many verdicts say together: who wins, how surely, and which measured differences go with it."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from statistics import median
from typing import Final, Literal, Self

from idiff.intervals import Share, share
from idiff.schemas import Comparison, PhotoFeatures, Statistics

BINS: Final = 10
"""Of the histogram of confidence, from one half to one."""

Result = Literal["a", "close", "b"]


@dataclass(frozen=True)
class Row:
    """One judged pair. `label`: probability that A is the better, None where nobody said; `kind`: "" unknown."""

    name: str
    kind: str
    label: float | None
    answer: Comparison

    @property
    def result(self) -> Result:
        """Who wins, or that it is too close to call."""
        verdict = self.answer.verdict
        if verdict.too_close or verdict.preferred is None:
            return "close"
        return "a" if verdict.preferred == "A" else "b"


@dataclass(frozen=True)
class Group:
    """Verdicts of some pairs. `b_preferred`: share of pairs, those too close to call as halves."""

    name: str
    a: int
    close: int
    b: int
    b_preferred: Share

    @classmethod
    def of(cls, name: str, rows: Sequence[Row]) -> Self:
        """Count them."""
        results = [row.result for row in rows]
        a, close, b = (results.count(result) for result in ("a", "close", "b"))
        return cls(name, a, close, b, Share(b + close / 2, len(rows)))


@dataclass(frozen=True)
class Delta:
    """One measured statistic. `a`, `b`, `difference`: medians of A, of B, and of B minus A. `with_winner`: how often
    the preferred photo has more of it, of the pairs that are not too close; equal ones count half."""

    view: Literal["crop", "whole"]
    statistic: str
    a: float
    b: float
    difference: float
    with_winner: Share

    @property
    def telling(self) -> bool:
        """Whether the interval leaves out one half."""
        low, high = self.with_winner.wilson()
        return not low <= 0.5 <= high


@dataclass(frozen=True)
class Summary:
    """All figures of a report. `confidence`: pairs a bin, by result. `right`: share of the labelled pairs, equal ones
    left out, whose label agrees with the side that the verdict names."""

    everything: Group
    categories: tuple[Group, ...]
    kinds: tuple[Group, ...]
    confidence: tuple[dict[Result, int], ...]
    deltas: tuple[Delta, ...]
    right: Share


def summarise(rows: Sequence[Row]) -> Summary:
    """Count the pairs, at least one."""
    return Summary(
        Group.of("all", rows),
        _groups(rows, lambda row: row.answer.verdict.category),
        _groups([row for row in rows if row.kind], lambda row: row.kind),
        _confidence(rows),
        tuple(sorted(_deltas(rows), key=lambda delta: -abs(delta.with_winner.value - 0.5))),
        share([_signed(row) * (row.label - 0.5) for row in rows if row.label not in (None, 0.5)]),
    )


def _groups(rows: Sequence[Row], name_of: Callable[[Row], str]) -> tuple[Group, ...]:
    names = sorted({name_of(row) for row in rows})
    return tuple(Group.of(name, [row for row in rows if name_of(row) == name]) for name in names)


def _confidence(rows: Iterable[Row]) -> tuple[dict[Result, int], ...]:
    bins: tuple[dict[Result, int], ...] = tuple({"a": 0, "close": 0, "b": 0} for _ in range(BINS))
    for row in rows:
        place = min(BINS - 1, int((row.answer.verdict.confidence - 0.5) * 2 * BINS))
        bins[place][row.result] += 1
    return bins


def _deltas(rows: Sequence[Row]) -> list[Delta]:
    deltas = []
    views: tuple[tuple[Literal["crop", "whole"], Callable[[PhotoFeatures], Statistics]], ...] = (
        ("crop", lambda photo: photo.crop_view),
        ("whole", lambda photo: photo.global_view),
    )
    for view, of in views:
        for statistic in Statistics.model_fields:
            values = [
                (getattr(of(row.answer.features.a), statistic), getattr(of(row.answer.features.b), statistic))
                for row in rows
            ]
            decided = [
                (b - a) * (1 if row.result == "b" else -1)
                for row, (a, b) in zip(rows, values, strict=True)
                if row.result != "close"
            ]
            medians = (median(a for a, _ in values), median(b for _, b in values), median(b - a for a, b in values))
            deltas.append(Delta(view, statistic, *medians, share(decided)))
    return deltas


def _signed(row: Row) -> float:
    return {"A": 1.0, "B": -1.0}.get(row.answer.verdict.preferred or "", 0.0)
