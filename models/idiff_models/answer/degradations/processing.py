"""What software does before delivery: over-sharpening, resampling, banding, JPEG."""

import cv2
import numpy as np
import simplejpeg
from numpy.random import Generator

from idiff.types import Image
from idiff_models.answer.degradations.light import CODES, per_channel


def sharpen(image: Image, severity: float, rng: Generator) -> Image:
    """Over-sharpening halos: unsharp mask of radius 1 to 3.5 px, amount 0.3 to 3.5."""
    amount = 0.3 + 3.2 * severity
    soft = cv2.GaussianBlur(image, (0, 0), rng.uniform(1.0, 3.5))
    return np.asarray(cv2.addWeighted(image, 1 + amount, soft, -amount, 0), np.uint8)


def resample(image: Image, severity: float, rng: Generator) -> Image:
    """Fewer true pixels: shrunk 1.2 to 4 times and enlarged again."""
    height, width = image.shape[:2]
    factor = 1.2 + 2.8 * severity
    small = (max(1, round(width / factor)), max(1, round(height / factor)))
    up = int(rng.choice([cv2.INTER_LINEAR, cv2.INTER_CUBIC, cv2.INTER_LANCZOS4]))
    shrunk = cv2.resize(image, small, interpolation=cv2.INTER_AREA)
    return np.asarray(cv2.resize(shrunk, (width, height), interpolation=up), np.uint8)


def banding(image: Image, severity: float, rng: Generator) -> Image:
    """Too few tones: 56 down to 7 levels a channel, undithered."""
    levels = np.float32(56 / 8**severity - 1)
    return per_channel(image, np.rint(CODES * levels) / levels)


def jpeg(image: Image, severity: float, rng: Generator) -> Image:
    """JPEG at quality 85 down to 10, 4:2:0."""
    return recompress(image, round(85 - 75 * severity**0.8))


def recompress(image: Image, quality: int) -> Image:
    """`image` through JPEG of `quality` (1-100, libjpeg scale), 4:2:0."""
    data = simplejpeg.encode_jpeg(np.ascontiguousarray(image), quality, "RGB", "420")
    return np.asarray(simplejpeg.decode_jpeg(data, "RGB"), np.uint8)
