"""Strengths that explain pairwise probabilities (R. Bradley and M. Terry, "Rank analysis of incomplete block designs",
Biometrika 1952): i is preferred to j with probability 1 / (1 + exp(-(s_i - s_j)))."""

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

PENALTY: Final = 4e-6
"""Weight of half a photo's squared strength for each photo there is, as a normal prior of standard
deviation 350 has for two photos: it keeps the strength of a photo that is always preferred finite, and moves strengths
up to 3 by less than a hundredth."""


@dataclass(frozen=True, slots=True, eq=False)
class Strengths:
    """`values`: log-odds, mean 0, shape (n,). `errors`: their standard errors, shape (n,), from the Fisher information
    of one comparison a pair: how far off they might be had one person voted once on each pair."""

    values: Floats
    errors: Floats


def fit(probabilities: Floats) -> Strengths:
    """Strengths of n photos. `probabilities`: shape (n, n), 0-1, [i, j] that i is preferred to j; [i, j] and [j, i] sum
    to 1. Each counts as one comparison that i has won by that share.

    Milliseconds of CPU; the first call imports SciPy, which takes most of a second.
    """
    from scipy.optimize import minimize  # 50 MB that a service that is never asked to rank does without
    from scipy.special import expit

    count = len(probabilities)
    penalty = PENALTY * count

    def loss(strengths: Floats) -> tuple[float, Floats]:
        gaps = strengths[:, None] - strengths
        value = np.sum(probabilities * np.logaddexp(0, -gaps)) + penalty / 2 * strengths @ strengths
        return float(value), np.sum(expit(gaps) - probabilities, axis=1) + penalty * strengths

    def information(strengths: Floats) -> Floats:
        chances = expit(strengths[:, None] - strengths)
        weights = chances * (1 - chances) * (1 - np.eye(count))
        return np.asarray(np.diag(weights.sum(axis=1) + penalty) - weights)

    found = minimize(loss, np.zeros(count), jac=True, hess=information, method="trust-exact", options={"gtol": 1e-9})
    centring = np.eye(count) - 1 / count
    covariance = centring @ np.linalg.inv(information(found.x)) @ centring
    return Strengths(centring @ found.x, np.sqrt(np.diag(covariance).clip(min=0)))
