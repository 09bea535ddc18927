"""From the verdicts on all pairs to an order: strengths, ranks, what cannot be told apart, and what goes in circles."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import combinations

import numpy as np
from numpy.typing import NDArray

from idiff.answer.rules import sigmoid
from idiff.ranking.bradley_terry import fit

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Circle:
    """Three photos of which each is preferred to the next and the last to the first. `confidence`: of the least sure of
    the three verdicts."""

    photos: tuple[int, int, int]
    confidence: float


@dataclass(frozen=True, slots=True, eq=False)
class Order:
    """`best_first`: the photos; of equal ones the one sent first. The others are by photo: `ranks` from 1, the same for
    equal ones; `strengths` and their `errors` as of `bradley_terry`; `probabilities`, shape (n, n).

    `tie_band`: confidence below which a verdict is a tie; `alike`: runs of the order, best first, within which no photo
    can be told from another by it; they may overlap.
    """

    best_first: tuple[int, ...]
    ranks: tuple[int, ...]
    strengths: tuple[float, ...]
    errors: tuple[float, ...]
    probabilities: Floats
    tie_band: float
    alike: tuple[tuple[int, ...], ...]
    circles: tuple[Circle, ...]


def put_in_order(logits: Floats, contents: Sequence[int], tie_band: float) -> Order:
    """The order of photos whose contents, one or more photos each, were compared.

    `logits`: shape (m, m), antisymmetric, positive where the first content is preferred. `contents`: of each photo, 0
    to m - 1. `tie_band`: confidence below which a verdict is a tie.
    """
    between = chances(logits)
    fitted = fit(between)
    of = np.asarray(contents)
    strengths, errors, probabilities = fitted.values[of], fitted.errors[of], between[np.ix_(of, of)]
    best_first = tuple(int(photo) for photo in np.argsort(-strengths, kind="stable"))
    return Order(
        best_first,
        tuple(1 + int(np.count_nonzero(strengths > own)) for own in strengths),
        tuple(map(float, strengths)),
        tuple(map(float, errors)),
        probabilities,
        tie_band,
        tuple(_runs(best_first, strengths, tie_band)),
        tuple(_circles(probabilities)),
    )


def chances(logits: Floats) -> Floats:
    """Probabilities of antisymmetric logits, same shape: [i, j] and [j, i] sum to exactly 1."""
    likelier = np.vectorize(sigmoid, otypes=[np.float64])(np.abs(logits))
    return np.asarray(np.where(logits >= 0, likelier, 1 - likelier), np.float64)


def _runs(best_first: Sequence[int], strengths: Floats, tie_band: float) -> Iterator[tuple[int, ...]]:
    """Longest runs of the order whose first and last photo, and so any two, cannot be told apart."""
    reached = 0
    for start, first in enumerate(best_first):
        gaps = strengths[first] - strengths[list(best_first[start:])]
        end = start + sum(gap == 0 or sigmoid(float(gap)) < tie_band for gap in gaps)
        if end - start > 1 and end > reached:
            yield tuple(best_first[start:end])
        reached = max(reached, end)


def _circles(probabilities: Floats) -> Iterator[Circle]:
    chance: list[list[float]] = probabilities.tolist()  # of tens of thousands of triples, lists are quicker than arrays
    for i, j, k in combinations(range(len(chance)), 3):
        for a, b, c in ((i, j, k), (i, k, j)):
            least = min(chance[a][b], chance[b][c], chance[c][a])
            if least > 0.5:
                yield Circle((a, b, c), least)
