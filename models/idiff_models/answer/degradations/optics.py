"""What lens and hand do: defocus and motion blur."""

import cv2
import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray

from idiff.types import Image

OVERSAMPLE = 8


def _shrunk(fine: NDArray[np.float32]) -> NDArray[np.float32]:
    side = fine.shape[0] // OVERSAMPLE
    kernel = cv2.resize(fine, (side, side), interpolation=cv2.INTER_AREA)
    return np.asarray(kernel / kernel.sum(), np.float32)


def defocus(image: Image, severity: float, rng: Generator) -> Image:
    """Blur by a uniform disc (a thin lens out of focus) of radius 0.7 to 4.7 px."""
    radius = 0.7 + 4 * severity
    half = int(np.ceil(radius))
    axis = (np.arange((2 * half + 1) * OVERSAMPLE) + 0.5) / OVERSAMPLE - half - 0.5
    disc = (axis[:, None] ** 2 + axis[None, :] ** 2 <= radius**2).astype(np.float32)
    return np.asarray(cv2.filter2D(image, -1, _shrunk(disc), borderType=cv2.BORDER_REFLECT_101), np.uint8)


def motion(image: Image, severity: float, rng: Generator) -> Image:
    """Blur along a straight line of 1.5 to 16 px in a random direction (camera shake)."""
    length, angle = 1.5 + 14.5 * severity, rng.uniform(0, np.pi)
    half = int(np.ceil(length / 2)) + 1
    axis = (np.arange((2 * half + 1) * OVERSAMPLE) + 0.5) / OVERSAMPLE - half - 0.5
    along = axis[None, :] * np.cos(angle) + axis[:, None] * np.sin(angle)
    across = axis[None, :] * np.sin(angle) - axis[:, None] * np.cos(angle)
    line = ((np.abs(along) <= length / 2) & (np.abs(across) <= 0.5)).astype(np.float32)
    return np.asarray(cv2.filter2D(image, -1, _shrunk(line), borderType=cv2.BORDER_REFLECT_101), np.uint8)
