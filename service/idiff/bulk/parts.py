"""The list in parts: what a worker is given at a time, what a file holds, and what is done again after a kill."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from idiff.bulk.pairs import Pair

FILES: Final = 1000
FEWEST: Final = 8
MOST: Final = 256


@dataclass(frozen=True, slots=True)
class Part:
    """Consecutive pairs of the list; `number`: from 0."""

    number: int
    pairs: Sequence[Pair]

    @property
    def file(self) -> str:
        """The name of its file; sorted by name, files are in the list's order."""
        return f"part-{self.number:07d}.parquet"


Judged = tuple[Part, bytes]
"""A part and its file."""


def rows_per_file(pairs: int) -> int:
    """Small enough for all workers to have some and for a kill to cost little, large enough for those who read it."""
    return min(max(-(-pairs // FILES), FEWEST), MOST)


def divide(pairs: Sequence[Pair], rows: int) -> list[Part]:
    """All parts of the list, each of `rows` pairs but the last."""
    return [Part(number, pairs[start : start + rows]) for number, start in enumerate(range(0, len(pairs), rows))]
