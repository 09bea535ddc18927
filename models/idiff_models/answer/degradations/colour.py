"""What metering and rendering do: exposure, white balance, tone and saturation."""

import cv2
import numpy as np
from numpy.random import Generator

from idiff.types import Image
from idiff_models.answer.degradations.light import CODES, linear_to_srgb, per_channel, srgb_to_linear

LUMA = np.array([0.2126, 0.7152, 0.0722], np.float32)


def exposure(image: Image, severity: float, rng: Generator) -> Image:
    """0.15 to 2 EV too dark or too bright, in linear light; highlights clip."""
    stops = (0.15 + 1.85 * severity) * rng.choice([-1.0, 1.0])
    return per_channel(image, linear_to_srgb(srgb_to_linear(CODES) * np.float32(2.0**stops)))


def white_balance(image: Image, severity: float, rng: Generator) -> Image:
    """A colour cast: channel gains in linear light along a random blue-amber / green-magenta direction, equal luma."""
    angle = rng.uniform(0, 2 * np.pi)
    direction = np.array([np.cos(angle), 0.5 * np.sin(angle), -np.cos(angle)])
    gains = np.exp((0.05 + 0.45 * severity) * direction)
    gains /= gains @ LUMA
    return per_channel(image, linear_to_srgb(srgb_to_linear(CODES)[:, None] * gains[None].astype(np.float32)))


def tone(image: Image, severity: float, rng: Generator) -> Image:
    """A poor contrast curve: flat with lifted blacks, or steep with crushed shadows and blown highlights."""
    if rng.random() < 0.5:
        strength = 0.06 + 0.5 * severity
        return per_channel(image, strength * 0.45 + (1 - strength) * CODES)
    slope = 1 + 0.1 + 1.2 * severity
    return per_channel(image, 0.5 + slope * (CODES - 0.5))


def saturation(image: Image, severity: float, rng: Generator) -> Image:
    """Colours too pale or too strong: distances from luma scaled by 0.9 to 0, or by 1.12 to 2.2."""
    factor = 1 - (0.1 + 0.9 * severity) if rng.random() < 0.5 else 1 + 0.12 + 1.1 * severity
    matrix = factor * np.eye(3, dtype=np.float32) + (1 - factor) * LUMA[None, :]
    return np.asarray(cv2.transform(image, matrix.astype(np.float32)), np.uint8)
