"""How edges look: their width and the rims beside them, from luma profiles across the steepest pixel of each block.

Both are ratios within a profile, so that exposure and contrast hardly touch them, and medians, so that noise does not.
"""

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

BLOCK = 16
"""Side in pixels of the blocks that each lend their steepest pixel."""

SHARE = 0.25
"""Share of blocks, those with the steepest pixel, whose edge is used."""

REACH = 8
"""Half length of a profile in pixels; the outer half on either side is the plateau."""

MIN_STEP = 8.0
"""Grey levels between the plateaus below which a profile is no edge."""

MIN_CLARITY = 1.5
"""Step, in standard deviations of the more restless plateau, below which a profile is no edge but texture or noise."""

MIN_SHARE = 0.1
"""Share of profiles that must be edges; fewer are chance finds in noise."""


UNREST = 0.12
"""Standard deviation of a plateau, as a share of the step, above which an edge is not clean enough to show a rim."""

MIN_CLEAN = 16
"""Fewest clean edges whose rims are worth a median."""


@dataclass(frozen=True, slots=True)
class Edges:
    """`width`: pixels an edge takes at its steepest slope, the plateaus' difference over that slope; 1 is a hard edge.

    `overshoot`: how far the rims beside an edge exceed the plateaus, as a share of the plateaus' difference: grows with
    sharpening halos. Medians, `width` over all `count` edges (nan where there is none) and `overshoot` over those
    between calm plateaus (nan where they are fewer than `MIN_CLEAN`).
    """

    width: float
    overshoot: float
    count: int


def measure_edges(luma: NDArray[np.uint8]) -> Edges:
    """`luma`: 8-bit, shape (height, width)."""
    profiles = _profiles(luma)
    half = REACH // 2
    dark, bright = profiles[:, :half].mean(axis=1), profiles[:, -half:].mean(axis=1)
    step = bright - dark
    unrest = np.maximum(profiles[:, :half].std(axis=1), profiles[:, -half:].std(axis=1))
    edges = (step >= MIN_STEP) & (step >= MIN_CLARITY * unrest)
    if np.count_nonzero(edges) <= MIN_SHARE * len(step):
        return Edges(float("nan"), float("nan"), 0)
    profiles, dark, bright, step, unrest = (values[edges] for values in (profiles, dark, bright, step, unrest))
    slope = np.diff(profiles[:, half:-half], axis=1).max(axis=1)
    clean = unrest <= UNREST * step
    rims = profiles[:, REACH + 1 : -half].max(axis=1) - bright + dark - profiles[:, half:REACH].min(axis=1)
    overshoot = float(np.median((rims / step)[clean])) if np.count_nonzero(clean) >= MIN_CLEAN else float("nan")
    return Edges(float(np.median(step / slope)), overshoot, len(step))


def _profiles(luma: NDArray[np.uint8]) -> NDArray[np.float32]:
    """Luma across the chosen edges from dark to bright, bilinear, one pixel apart, shape (count, 2 * REACH + 1)."""
    rows, columns = (side // BLOCK for side in luma.shape)
    if min(rows, columns) < 3:
        return np.empty((0, 2 * REACH + 1), np.float32)
    gx, gy = cv2.Sobel(luma, cv2.CV_16S, 1, 0), cv2.Sobel(luma, cv2.CV_16S, 0, 1)
    steepness = np.square(gx, dtype=np.int32) + np.square(gy, dtype=np.int32)
    steepness = steepness[: rows * BLOCK, : columns * BLOCK]
    blocks = steepness.reshape(rows, BLOCK, columns, BLOCK).swapaxes(1, 2)[1:-1, 1:-1].reshape(-1, BLOCK * BLOCK)
    inside = blocks.argmax(axis=1)
    best = np.argsort(-blocks.max(axis=1), kind="stable")[: max(1, int(len(blocks) * SHARE))]
    y = (best // (columns - 2) + 1) * BLOCK + inside[best] // BLOCK
    x = (best % (columns - 2) + 1) * BLOCK + inside[best] % BLOCK
    across_x, across_y = gx[y, x].astype(np.float32), gy[y, x].astype(np.float32)
    length = np.maximum(np.hypot(across_x, across_y), 1)
    along = np.arange(-REACH, REACH + 1, dtype=np.float32)
    at_x = x[:, None] + (across_x / length)[:, None] * along
    at_y = y[:, None] + (across_y / length)[:, None] * along
    return np.asarray(
        cv2.remap(luma.astype(np.float32), at_x.astype(np.float32), at_y.astype(np.float32), cv2.INTER_LINEAR)
    )
