"""The verdicts on all pairs of a set, from what each photo was read as once."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations_with_replacement
from typing import Self

import numpy as np
from numpy.typing import NDArray

from idiff.answer.ensemble import Encoding, Ensemble
from idiff.types import Category, Verdict


@dataclass(frozen=True, slots=True)
class Pairs:
    """`votes`: of every pair of photos, the lower first and each with itself, the members' logits, positive where the
    first is preferred."""

    ensemble: Ensemble
    category: Category
    count: int
    votes: dict[tuple[int, int], list[float]]

    @classmethod
    def of(cls, encodings: Sequence[Encoding], ensemble: Ensemble, category: Category) -> Self:
        """Judge all pairs of photos: a millisecond of CPU for every hundred."""
        pairs = list(combinations_with_replacement(range(len(encodings)), 2))
        first, second = ([encodings[pair[side]] for pair in pairs] for side in (0, 1))
        votes = np.stack(ensemble.compare(first, second, category), axis=1).tolist()
        return cls(ensemble, category, len(encodings), dict(zip(pairs, votes, strict=True)))

    def verdict(self, a: int, b: int) -> Verdict:
        """On two of the photos."""
        vote = self.votes[a, b] if a <= b else [-logit for logit in self.votes[b, a]]
        return self.ensemble.decide(vote, self.category)

    def logits(self) -> NDArray[np.float64]:
        """Of all verdicts, shape (count, count): antisymmetric, positive where the row's photo is preferred."""
        found = np.zeros((self.count, self.count))
        for a, b in self.votes:
            if a != b:
                found[a, b] = self.verdict(a, b).logit
        return found - found.T

    @property
    def tie_band(self) -> float:
        """Confidence below which the release calls a verdict too close."""
        return self.ensemble.manifest.calibration[self.category.name].too_close
