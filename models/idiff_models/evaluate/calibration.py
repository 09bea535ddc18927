"""How sure an ensemble may claim to be, fitted on validation pairs."""

import math
from collections.abc import Sequence

import numpy as np

from idiff.answer.ensemble import sigmoid
from idiff.answer.manifest import Calibration

WANTED = 0.90
"""Accuracy that verdicts which are not called too close should reach."""
MOST_TIES = 0.5
"""Share of pairs that may be called too close at most."""


def fit_temperature(logits: Sequence[float]) -> float:
    """The temperature of least negative log-likelihood; logits are signed towards the truth (Guo et al. 2017)."""
    values = np.asarray(logits)
    grid = np.exp(np.linspace(math.log(0.1), math.log(10), 401))
    losses = [np.logaddexp(0, -values / temperature).mean() for temperature in grid]
    return float(grid[int(np.argmin(losses))])


def fit_too_close(logits: Sequence[float], temperature: float) -> float:
    """The least confidence above which `WANTED` of the verdicts are right; at most `MOST_TIES` fall below it."""
    values = np.asarray(logits) / temperature
    values = values[np.argsort(np.abs(values))]
    right = values > 0
    most = int(MOST_TIES * len(values))
    kept = [float(right[start:].mean()) for start in range(most + 1)]
    start = next((place for place, accuracy in enumerate(kept) if accuracy >= WANTED), most)
    return float(min(0.999, max(0.5, sigmoid(abs(float(values[start]))))))


def calibrate(logits: Sequence[float]) -> Calibration:
    """Calibration of one category from its validation logits, signed towards the truth."""
    temperature = round(fit_temperature(logits), 4)
    return Calibration(temperature=temperature, too_close=round(fit_too_close(logits, temperature), 4))
