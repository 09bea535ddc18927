"""The 8 x 8 block grid that strong JPEG compression leaves, wherever it starts."""

import cv2
import numpy as np
from numpy.typing import NDArray

GRID = 8
"""Side in pixels of a JPEG block."""

CAP = 16
"""Grey levels beyond which a step counts no more, so that the picture's own edges weigh little."""

FAINT = 0.25
"""Grey levels added to mean steps before their ratio, so that a flat picture has no grid."""


def blockiness(luma: NDArray[np.uint8]) -> float:
    """How much steeper luma steps are on the block grid than off it, in octaves (log2 of a ratio); near 0 without one.

    `luma`: 8-bit, shape (height, width). Steps are |p[i+1] - p[i]| beyond the mean of their two neighbours, within 0
    and `CAP`. Of the eight phases, the highest mean step is set against their median, or against the phase half a block
    away where that is higher, for enlarging leaves steps every two or four pixels; of the ratios across and down the
    smaller counts, for a grid runs both ways.
    """
    pixels = luma.astype(np.float32)
    return min(_ratio(pixels), _ratio(np.ascontiguousarray(pixels.T)))


def _ratio(pixels: NDArray[np.float32]) -> float:
    if pixels.shape[1] < 4 * GRID:
        return 0.0
    step = cv2.absdiff(pixels[:, 1:], pixels[:, :-1])
    excess = np.clip(step[:, 1:-1] - (step[:, :-2] + step[:, 2:]) / 2, 0, CAP).mean(axis=0)
    phases = np.array([excess[phase::GRID].mean() for phase in range(GRID)])
    best = int(phases.argmax())
    usual = max(float(np.median(phases)), float(phases[best - GRID // 2]))
    return float(np.log2(phases[best] + FAINT) - np.log2(usual + FAINT))
