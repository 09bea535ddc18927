"""Grain and fine texture told apart: flat places show grain only; what exceeds it elsewhere is texture.

Fine structure is the Laplacian of the picture smoothed by [1, 2, 1] / 4 in both directions, scaled so that white noise
gives its own standard deviation; its root mean square is taken per patch. Without the smoothing, the frequencies that a
JPEG encoder drops unseen would count as texture.
"""

from dataclasses import dataclass
from functools import cache
from typing import Self

import cv2
import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float32]

PATCH = 16
"""Side of a patch in pixels."""

FLAT_RANK, TEXTURE_RANK = 10, 60
"""Percentiles of the patches by fine structure that stand for flat and for textured places."""

CALM, BUSY = (0.0, 0.2), (0.5, 0.8)
"""Shares of the patches, sorted by fine structure, whose mean energies tell what was added from what was amplified."""

NOISE_SPREAD = 1.23
"""Ratio of those percentiles of fine energy in white noise (512 x 512 pixels), which has no texture."""

SHADOW_BELOW = 80
"""Mean luma below which a patch lies in the shadows."""

CLIPPED = (4, 251)
"""Mean luma outside this range says a patch is clipped: grain cannot show there."""


MIN_USABLE = 0.05
"""Share of patches that must not be clipped."""


@dataclass(frozen=True, slots=True)
class Spread:
    """Mean energy of the patches with little and with much fine structure, squared grey levels."""

    calm: float
    busy: float

    @classmethod
    def of(cls, energy: Floats) -> Self:
        """Of the patches' energies, in any order."""
        ranked = np.sort(energy, axis=None)
        return cls(*(_between(ranked, *shares) for shares in (CALM, BUSY)))


@dataclass(frozen=True, slots=True)
class Patches:
    """Grey levels of 8-bit luma (chroma: of Cb and Cr, root of the summed squares).

    `grain`: fine structure of flat patches. `shadow_grain`: the same in shadow, None with fewer than 16 patches there.
    `color_grain`: of chroma, at half size. `texture`: fine structure of textured patches beyond what grain explains.
    `luma`, `color`: how each plane's fine structure is spread over the patches.
    """

    grain: float
    shadow_grain: float | None
    color_grain: float
    texture: float
    luma: Spread
    color: Spread


def measure_patches(luma: NDArray[np.uint8], chroma: tuple[NDArray[np.uint8], NDArray[np.uint8]]) -> Patches | None:
    """`luma` and the two planes of `chroma`: 8-bit, shape (height, width).

    None where almost all is clipped, or where a side is shorter than a patch.
    """
    if min(luma.shape) < PATCH:
        return None
    tone, energy = _means(luma.astype(np.float32)), _energy(luma)
    usable = (tone >= CLIPPED[0]) & (tone <= CLIPPED[1])
    if usable.mean() < MIN_USABLE:
        return None
    flat, textured = np.percentile(energy[usable], [FLAT_RANK, TEXTURE_RANK])
    dark = usable & (tone < SHADOW_BELOW)
    shadow = float(np.sqrt(np.percentile(energy[dark], FLAT_RANK))) if np.count_nonzero(dark) >= 16 else None
    blotches = np.asarray(sum(_energy(_halve(plane)) for plane in chroma), np.float32)
    return Patches(
        grain=float(np.sqrt(flat)),
        shadow_grain=shadow,
        color_grain=float(np.sqrt(np.percentile(blotches, FLAT_RANK))),
        texture=float(np.sqrt(max(0.0, textured - NOISE_SPREAD * flat))),
        luma=Spread.of(energy[usable]),
        color=Spread.of(blotches),
    )


def _between(ranked: Floats, least: float, most: float) -> float:
    first = int(least * len(ranked))
    return float(ranked[first : max(first + 1, int(most * len(ranked)))].mean())


def _halve(plane: NDArray[np.uint8]) -> Floats:
    height, width = (max(1, side // 2) for side in plane.shape)
    return np.asarray(cv2.resize(plane.astype(np.float32), (width, height), interpolation=cv2.INTER_AREA))


def _energy(plane: NDArray[np.uint8] | Floats) -> Floats:
    """Mean squared fine structure of each patch, shape (rows, columns)."""
    response = cv2.filter2D(plane, cv2.CV_32F, _fine_mask())
    return _means(response * response)


@cache
def _fine_mask() -> Floats:
    smooth = np.outer([1, 2, 1], [1, 2, 1])
    mask = np.zeros((5, 5))
    for weight, row, column in ((-4, 1, 1), (1, 0, 1), (1, 2, 1), (1, 1, 0), (1, 1, 2)):
        mask[row : row + 3, column : column + 3] += weight * smooth
    return (mask / np.linalg.norm(mask)).astype(np.float32)


def _means(plane: Floats) -> Floats:
    """Mean of each whole patch; of the whole plane where a side is shorter than a patch."""
    rows, columns = (max(1, side // PATCH) for side in plane.shape)
    whole = plane[: rows * PATCH, : columns * PATCH]
    return np.asarray(cv2.resize(whole, (columns, rows), interpolation=cv2.INTER_AREA), np.float32)
