"""sRGB code values to linear light and back (IEC 61966-2-1)."""

from functools import cache

import cv2
import numpy as np
from numpy.typing import NDArray

from idiff.types import Image

CODES: NDArray[np.float32] = (np.arange(256) / 255).astype(np.float32)
"""Every 8-bit code value, scaled to 0-1."""


def srgb_to_linear(code: NDArray[np.float32]) -> NDArray[np.float32]:
    """Encoded values 0-1 to linear light 0-1."""
    return np.where(code <= 0.04045, code / 12.92, ((code + 0.055) / 1.055) ** 2.4).astype(np.float32)


def linear_to_srgb(light: NDArray[np.float32]) -> NDArray[np.float32]:
    """Linear light to encoded values; both 0-1, input clipped."""
    light = np.clip(light, 0, 1)
    return np.where(light <= 0.0031308, light * 12.92, 1.055 * light ** (1 / 2.4) - 0.055).astype(np.float32)


@cache
def _tables() -> tuple[NDArray[np.float32], NDArray[np.uint8]]:
    decode = srgb_to_linear(CODES)
    encode = np.rint(linear_to_srgb((np.arange(65536) / 65535).astype(np.float32)) * 255).astype(np.uint8)
    return decode, encode


def linearise(image: Image) -> NDArray[np.float32]:
    """uint8 sRGB picture to float32 linear light 0-1, same shape."""
    return np.asarray(cv2.LUT(image, _tables()[0]), np.float32)


def encode(light: NDArray[np.float32]) -> Image:
    """float32 linear light to a uint8 sRGB picture; out-of-range light clips."""
    return _tables()[1][(np.clip(light, 0, 1) * 65535).astype(np.uint16)]


def per_channel(image: Image, curves: NDArray[np.floating]) -> Image:
    """Map each channel's code values through its curve: shape (256,) or (256, 3), values 0-1, clipped."""
    table = np.rint(np.clip(curves, 0, 1) * 255).astype(np.uint8)
    return np.asarray(cv2.LUT(image, table.reshape(256, 1, -1) if table.ndim == 2 else table), np.uint8)
