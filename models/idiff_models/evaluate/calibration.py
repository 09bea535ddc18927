"""How sure an ensemble may claim to be, fitted on labelled pairs.

A pair has a logit, positive where A is preferred, and a target: the probability that A is the better, 0.5 for equal
pairs. Without targets the logits are signed towards the truth, and every target is 1. A confidence is the chance that
the verdict names the photo that most prefer, so `calibrate` takes each target's side, as accuracy does.
"""

import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from idiff.answer.manifest import Calibration, Fitted

WANTED = 0.90
"""Accuracy that verdicts which are not called too close should reach."""
MOST_TIES = 0.5
"""Share of pairs that may be called too close at most."""

Values = NDArray[np.float64]


def expected_calibration_error(
    probabilities: Sequence[float], outcomes: Sequence[float] | None = None, bins: int = 15
) -> float:
    """Mean distance of confidence and accuracy over `bins` equal bins of confidence from 0.5 to 1, weighted by pairs.

    `probabilities`: that A is the better, 0-1; a verdict's confidence is the larger of p and 1 - p. `outcomes`: the
    targets. (Naeini et al. 2015, Guo et al. 2017; theirs bins 0 to 1, of which two classes use the upper half only.)
    """
    p = np.asarray(probabilities, np.float64)
    target = _targets(outcomes, len(p))
    confidence = np.maximum(p, 1 - p)
    right = np.where(p > 0.5, target, np.where(p < 0.5, 1 - target, 0.5))
    place = np.minimum((2 * bins * (confidence - 0.5)).astype(int), bins - 1)
    gaps = np.bincount(place, confidence - right, minlength=bins)
    return float(np.abs(gaps).sum() / len(p))


def fit_temperature(logits: Sequence[float], targets: Sequence[float] | None = None) -> float:
    """The temperature of least cross-entropy with the targets, from 0.1 to 10 (Guo et al. 2017).

    Targets move towards one half by Platt's (1999) two imaginary pairs, so that a few pairs that are all right do not
    ask for certainty.
    """
    values = np.asarray(logits, np.float64)
    target = (len(values) * _targets(targets, len(values)) + 1) / (len(values) + 2)
    grid = np.exp(np.linspace(math.log(0.1), math.log(10), 401))
    losses = [(target * np.logaddexp(0, -values / t) + (1 - target) * np.logaddexp(0, values / t)).mean() for t in grid]
    return float(grid[int(np.argmin(losses))])


def fit_too_close(
    logits: Sequence[float],
    temperature: float,
    targets: Sequence[float] | None = None,
    goal: float = WANTED,
    most_ties: float = MOST_TIES,
) -> float:
    """The least confidence from which on `goal` of the verdicts are right; at most `most_ties` (below 1) lie below it.

    0.5 where they are right often enough without any ties; where no such confidence reaches the goal, the one that
    leaves out `most_ties`.
    """
    values = np.asarray(logits, np.float64)
    order = np.argsort(np.abs(values))
    right = _right(values, _targets(targets, len(values)))[order]
    accuracy = right[::-1].cumsum()[::-1] / np.arange(len(right), 0, -1)
    most = int(most_ties * len(values))
    reached = np.flatnonzero(accuracy[: most + 1] >= goal)
    start = int(reached[0]) if len(reached) else most
    if start == 0:
        return 0.5
    confidence = _sigmoid(np.abs(values[order[start]]) / temperature)
    return min(0.9999, max(0.5, math.floor(1e4 * float(confidence)) / 1e4))


def calibrate(
    logits: Sequence[float],
    targets: Sequence[float] | None = None,
    goal: float = WANTED,
    most_ties: float = MOST_TIES,
    before: Sequence[float] | None = None,
    data: str = "validation pairs",
    sha256: str | None = None,
) -> Calibration:
    """Calibration of one category from the ensemble's logits before any temperature, with what it reaches on them.

    `before`: the logits that were served until now, for comparison; the uncalibrated ones by default. `data` and
    `sha256` name the pairs.
    """
    values, target = np.asarray(logits, np.float64), _sides(_targets(targets, len(logits)))
    temperature = round(fit_temperature(logits, list(target)), 4)
    too_close = fit_too_close(logits, temperature, list(target), goal, most_ties)
    probabilities = _sigmoid(values / temperature)
    accepted = np.maximum(probabilities, 1 - probabilities) >= too_close
    served = _sigmoid(values if before is None else np.asarray(before, np.float64))
    fitted = Fitted(
        data=data,
        sha256=sha256,
        pairs=len(values),
        goal=goal,
        accuracy=round(float(_right(values, target)[accepted].mean()) if accepted.any() else 0.0, 4),
        accepted=round(float(accepted.mean()), 4),
        ece_before=round(expected_calibration_error(list(served), list(target)), 4),
        ece=round(expected_calibration_error(list(probabilities), list(target)), 4),
    )
    return Calibration(temperature=temperature, too_close=too_close, fitted=fitted)


def _targets(targets: Sequence[float] | None, count: int) -> Values:
    return np.ones(count) if targets is None else np.asarray(targets, np.float64)


def _sides(targets: Values) -> Values:
    """1 where A is the better, 0 where B, one half where neither."""
    return (1 + np.sign(targets - 0.5)) / 2


def _right(logits: Values, targets: Values) -> Values:
    """1 where the verdict agrees with the target's side, 0 where not, one half where either is undecided."""
    return (1 + np.sign(logits) * np.sign(targets - 0.5)) / 2


def _sigmoid(logits: Values) -> Values:
    return np.exp(-np.logaddexp(0, -logits))
