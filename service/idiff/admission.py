"""Admission before work: who is let in, and how many are."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from idiff.errors import Overloaded


@dataclass(slots=True)
class Admission:
    """Requests held at once: `most_uploads` whose body is arriving, and beyond them `most_in_flight` that wait or are
    worked on. Uploads are counted apart so that slow senders take no place from those who have sent.

    A ranking holds as many places as comparisons that would be as much work, but all `rankings` together at most half
    of all: a large set takes longer instead, and comparisons always have the other half.
    """

    most_uploads: int
    most_in_flight: int
    uploads: int = 0
    in_flight: int = 0
    rankings: int = 0

    @property
    def most_rankings(self) -> int:
        """Places that rankings may hold."""
        return max(1, self.most_in_flight // 2)

    @contextmanager
    def uploading(self, *, ranking: bool = False) -> Iterator[None]:
        """Hold a place while a body arrives, of a comparison or of a `ranking`.

        Raises:
            Overloaded: none is free, or none of those that it would need next; nobody waits for one.
        """
        self._check(1, ranking=ranking)
        if self.uploads >= self.most_uploads:
            raise Overloaded(
                f"{self.uploads} uploads are in progress; try again shortly", limit=self.most_uploads, reason="uploads"
            )
        self.uploads += 1
        try:
            yield
        finally:
            self.uploads -= 1

    @contextmanager
    def working(self) -> Iterator[None]:
        """Hold a place from the last byte of the body to the verdict.

        Raises:
            Overloaded: none is free; nobody waits for one.
        """
        self._check(1)
        self.in_flight += 1
        try:
            yield
        finally:
            self.in_flight -= 1

    @contextmanager
    def ranking(self, photos: int) -> Iterator[int]:
        """Hold places for the ranking of so many photos, from the last byte of the body to the order; how many.

        Raises:
            Overloaded: as many are not free; nobody waits for them.
        """
        places = min(self.most_rankings, (photos + 1) // 2)
        self._check(places, ranking=True)
        self.in_flight += places
        self.rankings += places
        try:
            yield places
        finally:
            self.in_flight -= places
            self.rankings -= places

    def _check(self, places: int, *, ranking: bool = False) -> None:
        if ranking and self.rankings + places > self.most_rankings:
            said = "another ranking is in progress; try again shortly"
            raise Overloaded(said, limit=self.most_rankings, reason="rankings")
        if self.in_flight + places > self.most_in_flight:
            said = f"{self.in_flight} comparisons are in progress; try again shortly"
            raise Overloaded(said, limit=self.most_in_flight, reason="comparisons")
