"""What lens and hand do: defocus, softness, motion blur, colour fringes."""

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


def _axis(half: int) -> NDArray[np.float64]:
    return (np.arange((2 * half + 1) * OVERSAMPLE) + 0.5) / OVERSAMPLE - half - 0.5


def defocus(image: Image, severity: float, rng: Generator) -> Image:
    """Blur by a uniform disc (a thin lens out of focus) of radius 0.6 to 14 px."""
    radius = 0.6 * 24**severity
    axis = _axis(int(np.ceil(radius)))
    disc = (axis[:, None] ** 2 + axis[None, :] ** 2 <= radius**2).astype(np.float32)
    return np.asarray(cv2.filter2D(image, -1, _shrunk(disc), borderType=cv2.BORDER_REFLECT_101), np.uint8)


def soft(image: Image, severity: float, rng: Generator) -> Image:
    """A soft lens or resampling chain: Gaussian blur, sigma 0.4 to 7 px, up to 1.5 times wider along one axis."""
    sigma, wider = 0.4 * 17.5**severity, rng.uniform(1, 1.5)
    across = (sigma * wider, sigma) if rng.random() < 0.5 else (sigma, sigma * wider)
    return np.asarray(cv2.GaussianBlur(image, (0, 0), across[0], sigmaY=across[1]), np.uint8)


def motion(image: Image, severity: float, rng: Generator) -> Image:
    """Blur along a straight line of 1.5 to 33 px in a random direction (camera shake)."""
    length, angle = 1.5 * 22**severity, rng.uniform(0, np.pi)
    axis = _axis(int(np.ceil(length / 2)) + 1)
    along = axis[None, :] * np.cos(angle) + axis[:, None] * np.sin(angle)
    across = axis[None, :] * np.sin(angle) - axis[:, None] * np.cos(angle)
    line = ((np.abs(along) <= length / 2) & (np.abs(across) <= 0.5)).astype(np.float32)
    return np.asarray(cv2.filter2D(image, -1, _shrunk(line), borderType=cv2.BORDER_REFLECT_101), np.uint8)


def fringe(image: Image, severity: float, rng: Generator) -> Image:
    """Lateral chromatic aberration: red and blue moved apart by 0.6 to 5 px along a random direction."""
    angle, shift = rng.uniform(0, 2 * np.pi), 0.3 + 2.2 * severity
    step = np.array([np.cos(angle), np.sin(angle)]) * shift
    out = image.copy()
    for channel, sign in ((0, 1), (2, -1)):
        move = np.array([[1, 0, sign * step[0]], [0, 1, sign * step[1]]])
        plane = np.ascontiguousarray(image[..., channel])
        out[..., channel] = cv2.warpAffine(plane, move, plane.shape[::-1], borderMode=cv2.BORDER_REFLECT_101)
    return out
