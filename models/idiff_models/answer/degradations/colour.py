"""What metering and rendering do: exposure, contrast, saturation, white balance, local tone mapping."""

import cv2
import numpy as np
from numpy.random import Generator

from idiff.types import Image
from idiff_models.answer.degradations.light import CODES, linear_to_srgb, per_channel, srgb_to_linear

LUMA = np.array([0.2126, 0.7152, 0.0722], np.float32)


def _stops(image: Image, stops: float) -> Image:
    return per_channel(image, linear_to_srgb(srgb_to_linear(CODES) * np.float32(2.0**stops)))


def dark(image: Image, severity: float, rng: Generator) -> Image:
    """0.2 to 2.4 EV too little light, or the same as a gamma that keeps the white point."""
    stops = 0.2 + 2.2 * severity
    return _stops(image, -stops) if rng.random() < 0.5 else per_channel(image, CODES ** (1 + 0.5 * stops))


def bright(image: Image, severity: float, rng: Generator) -> Image:
    """0.15 to 2 EV more light, highlights clip; or the same as a gamma that keeps the white point."""
    stops = 0.15 + 1.85 * severity
    return _stops(image, stops) if rng.random() < 0.6 else per_channel(image, CODES ** (1 / (1 + 0.6 * stops)))


def flat(image: Image, severity: float, rng: Generator) -> Image:
    """Low contrast: the tones drawn towards a grey of their own, as by haze, flare or a weak tone curve."""
    strength = 0.1 + 0.6 * severity
    return per_channel(image, strength * rng.uniform(0.35, 0.75) + (1 - strength) * CODES)


def harsh(image: Image, severity: float, rng: Generator) -> Image:
    """More contrast: a steeper curve about a mid grey, in the end shadows crushed and highlights blown."""
    slope, centre = 1.06 + 1.4 * severity, rng.uniform(0.4, 0.6)
    return per_channel(image, centre + slope * (CODES - centre))


def _saturated(image: Image, factor: float) -> Image:
    matrix = factor * np.eye(3, dtype=np.float32) + (1 - factor) * LUMA[None, :]
    return np.asarray(cv2.transform(image, matrix.astype(np.float32)), np.uint8)


def pale(image: Image, severity: float, rng: Generator) -> Image:
    """Too little colour: distances from luma scaled by 0.85 down to 0."""
    return _saturated(image, 0.85 * (1 - severity))


def vivid(image: Image, severity: float, rng: Generator) -> Image:
    """More colour: distances from luma scaled by 1.1 up to 2.6."""
    return _saturated(image, 1.1 + 1.5 * severity)


def cast(image: Image, severity: float, rng: Generator) -> Image:
    """A wrong white balance: gains in linear light along a random blue-amber / green-magenta direction, equal luma."""
    angle = rng.uniform(0, 2 * np.pi)
    direction = np.array([np.cos(angle), 0.5 * np.sin(angle), -np.cos(angle)])
    gains = np.exp((0.08 + 0.5 * severity) * direction)
    gains /= gains @ LUMA
    return per_channel(image, linear_to_srgb(srgb_to_linear(CODES)[:, None] * gains[None].astype(np.float32)))


def overcooked(image: Image, severity: float, rng: Generator) -> Image:
    """Local tone mapping: the base layer compressed, what is above it boosted, in the end halos at strong edges."""
    luma = cv2.cvtColor(image, cv2.COLOR_RGB2GRAY).astype(np.float32) / 255
    base = cv2.GaussianBlur(
        cv2.resize(luma, None, fx=0.25, fy=0.25, interpolation=cv2.INTER_AREA), (0, 0), rng.uniform(2, 8)
    )
    base = cv2.resize(base, luma.shape[::-1], interpolation=cv2.INTER_LINEAR)
    boost, squeeze = 0.15 + 2.35 * severity, 0.05 + 0.55 * severity
    mapped = base + squeeze * (0.5 - base) + (1 + boost) * (luma - base)
    ratio = np.clip((mapped + 0.02) / (luma + 0.02), 0.2, 5)
    return np.clip(image * ratio[..., None], 0, 255).astype(np.uint8)
