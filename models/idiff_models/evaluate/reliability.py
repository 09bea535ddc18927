"""Confidence against outcome: reliability bins, Brier score and the risk-coverage curve.

Everywhere `probabilities` are calibrated, float (n,), 0-1, that A is preferred, and `outcomes` float (n,), 1 where A is
the better and 0 where B is. Confidence is max(p, 1 - p), so that nothing depends on which photo is called A.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from idiff.intervals import Share

BINS = 15
"""Equal bins of confidence between 0.5 and 1."""

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Bin:
    """Pairs with a confidence in [low, high), the last bin with 1: their mean confidence and how many were right."""

    low: float
    high: float
    confidence: float
    right: Share


def confidences(probabilities: ArrayLike, outcomes: ArrayLike) -> tuple[Floats, Floats]:
    """Confidence, 0.5-1, and whether the verdict was right: 1, 0, or 0.5 at an exact tie."""
    p, y = np.asarray(probabilities, np.float64), np.asarray(outcomes, np.float64)
    right = np.where(p == 0.5, 0.5, (p > 0.5) == (y > 0.5))
    return np.maximum(p, 1 - p), right.astype(np.float64)


def reliability(probabilities: ArrayLike, outcomes: ArrayLike, bins: int = BINS) -> list[Bin]:
    """Equal-width bins of confidence, low to high; empty ones are left out."""
    confidence, right = confidences(probabilities, outcomes)
    edges = np.linspace(0.5, 1, bins + 1)
    places = np.clip(np.searchsorted(edges, confidence, side="right") - 1, 0, bins - 1)
    found = []
    for place in range(bins):
        chosen = places == place
        if chosen.any():
            hits = Share(float(right[chosen].sum()), int(chosen.sum()))
            found.append(Bin(float(edges[place]), float(edges[place + 1]), float(confidence[chosen].mean()), hits))
    return found


def brier(probabilities: ArrayLike, outcomes: ArrayLike) -> float:
    """Mean squared error of the probability (Brier 1950); 0.25 for someone who never knows."""
    return float(np.mean((np.asarray(probabilities, np.float64) - np.asarray(outcomes, np.float64)) ** 2))


def risk_coverage(probabilities: ArrayLike, outcomes: ArrayLike) -> tuple[Floats, Floats]:
    """Coverage, 1/n to 1, and the risk (share wrong) of the pairs answered when the surest come first.

    Pairs of equal confidence enter together, each with their mean risk.
    """
    confidence, right = confidences(probabilities, outcomes)
    order = np.argsort(-confidence, kind="stable")
    _, group, counts = np.unique(-confidence[order], return_inverse=True, return_counts=True)
    wrong = np.bincount(group, 1 - right[order])[group] / counts[group]
    ranks = np.arange(1, len(order) + 1)
    return ranks / len(order), np.cumsum(wrong) / ranks
