"""Which pairs a gallery shows: clear, split, failed and too close, as the paper's Tables 9 and 10 have them."""

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

from idiff_models.evaluate.pairwise import PairJudged


@dataclass(frozen=True)
class Section:
    """`holds`: whether a pair belongs there; `order`: what comes first, the least."""

    title: str
    text: str
    holds: Callable[[PairJudged], bool]
    order: Callable[[PairJudged], float]


def split(row: PairJudged) -> bool:
    """Whether members prefer different photos."""
    return len({vote > 0 for vote in row.votes.values() if vote}) > 1


def right(row: PairJudged) -> bool:
    """Whether the verdict is what the label says."""
    return row.target is not None and (row.target - 0.5) * row.logit > 0


SECTIONS: Final = (
    Section(
        "Clear",
        "Right, with all members of one mind; the surest first.",
        lambda row: right(row) and not row.too_close and not split(row),
        lambda row: -row.confidence,
    ),
    Section(
        "Split",
        "Right, though members disagree; the least sure first.",
        lambda row: right(row) and not row.too_close and split(row),
        lambda row: row.confidence,
    ),
    Section(
        "Failed",
        "Wrong and not called too close; the surest, and so the worst, first.",
        lambda row: row.target not in (None, 0.5) and not right(row) and not row.too_close,
        lambda row: -row.confidence,
    ),
    Section(
        "Too close",
        "Within the release's tie band; the closest first.",
        lambda row: row.too_close,
        lambda row: row.confidence,
    ),
)


def choose(rows: Sequence[PairJudged], section: Section, most: int) -> tuple[list[PairJudged], int]:
    """At most `most` pairs of a section, kinds in turn so that none crowds the others out; and how many it has."""
    held = sorted((row for row in rows if row.error is None and section.holds(row)), key=section.order)
    seen: Counter[str] = Counter()
    turns = []
    for row in held:
        turns.append((seen[row.kind], row))
        seen[row.kind] += 1
    return [row for _, row in sorted(turns, key=lambda turn: turn[0])][:most], len(held)
