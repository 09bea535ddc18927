"""What software does before delivery: resampling, restoration, over-sharpening, banding, codecs."""

import cv2
import numpy as np
import simplejpeg
from numpy.random import Generator
from numpy.typing import NDArray

from idiff.types import Image
from idiff_models.answer.degradations.light import CODES, per_channel

ENLARGE = (cv2.INTER_LINEAR, cv2.INTER_CUBIC, cv2.INTER_LANCZOS4)


def resample(image: Image, severity: float, rng: Generator) -> Image:
    """Fewer true pixels: shrunk 1.2 to 4.2 times, sometimes without a filter, and enlarged again."""
    height, width = image.shape[:2]
    factor = 1.2 + 3 * severity
    small = (max(1, round(width / factor)), max(1, round(height / factor)))
    down = cv2.INTER_AREA if rng.random() < 0.75 else cv2.INTER_LINEAR
    shrunk = cv2.resize(image, small, interpolation=down)
    return np.asarray(cv2.resize(shrunk, (width, height), interpolation=int(rng.choice(ENLARGE))), np.uint8)


def _displaced(fine: NDArray[np.float32], most: float, rng: Generator) -> NDArray[np.float32]:
    """A band of detail whose places are moved by about `most` px, this way here and that way there."""
    height, width = fine.shape[:2]
    coarse = rng.uniform(8, 24)
    grid = (max(2, round(height / coarse)), max(2, round(width / coarse)), 2)
    field = rng.standard_normal(grid).astype(np.float32) * np.float32(most)
    flow = cv2.resize(field, (width, height), interpolation=cv2.INTER_CUBIC)
    y, x = np.mgrid[0:height, 0:width].astype(np.float32)
    moved = cv2.remap(fine, x + flow[..., 0], y + flow[..., 1], cv2.INTER_LINEAR, borderMode=cv2.BORDER_REFLECT_101)
    return np.asarray(moved, np.float32)


def invented(image: Image, severity: float, rng: Generator) -> Image:
    """Detail that a generative codec or restorer made up in place of the true one: displaced by 0.4 to 4 px."""
    base = cv2.GaussianBlur(image, (0, 0), rng.uniform(1, 2.5)).astype(np.float32)
    moved = _displaced(image - base, 0.4 + 3.6 * severity, rng)
    return np.clip(base + moved * np.float32(rng.uniform(0.9, 1.3)) + 0.5, 0, 255).astype(np.uint8)


def regrown(image: Image, severity: float, rng: Generator, source: Image) -> Image:
    """Detail made up by a generative restorer: `source`'s fine band displaced by 0.5 to 5 px, as much as is missing.

    On a picture that lost its detail it looks crisp and slightly wrong.
    """
    fine = source.astype(np.float32) - cv2.GaussianBlur(source, (0, 0), rng.uniform(1, 2.5))
    moved = _displaced(fine, 0.5 + 4.5 * severity, rng)
    lost = fine - (image.astype(np.float32) - cv2.GaussianBlur(image, (0, 0), 1.5))
    missing = np.clip(np.abs(lost).mean() / (np.abs(fine).mean() + 1e-3), 0, 1)
    return np.clip(image + np.float32(missing * rng.uniform(0.6, 1.2)) * moved, 0, 255).astype(np.uint8)


def sharpen(image: Image, severity: float, rng: Generator) -> Image:
    """Unsharp mask of radius 0.8 to 3.5 px, amount 0.25 to 4: crisp at first, halos in the end."""
    amount = 0.25 + 3.75 * severity
    blurred = cv2.GaussianBlur(image, (0, 0), rng.uniform(0.8, 3.5))
    return np.asarray(cv2.addWeighted(image, 1 + amount, blurred, -amount, 0), np.uint8)


def ringing(image: Image, severity: float, rng: Generator) -> Image:
    """Echoes along edges: an ideal low pass, cut at 0.85 down to 0.25 of the sampling limit, as from a hard filter."""
    cut = 0.85 - 0.6 * severity
    half = 12
    steps = np.arange(-half, half + 1)
    kernel = (cut * np.sinc(cut * steps)).astype(np.float32)
    kernel /= kernel.sum()
    return np.asarray(cv2.sepFilter2D(image, -1, kernel, kernel, borderType=cv2.BORDER_REFLECT_101), np.uint8)


def banding(image: Image, severity: float, rng: Generator) -> Image:
    """Too few tones: 48 down to 6 levels a channel, undithered."""
    levels = np.float32(48 / 8**severity - 1)
    return per_channel(image, np.rint(CODES * levels) / levels)


def jpeg(image: Image, severity: float, rng: Generator) -> Image:
    """JPEG at quality 85 down to 8, 4:2:0."""
    return recompress(image, round(85 - 77 * severity**0.7))


def codec(image: Image, severity: float, rng: Generator) -> Image:
    """A wavelet or predictive codec: JPEG 2000 at 1/9 down to 1/150 of the raw size, or WebP quality 88 down to 1."""
    pixels = np.ascontiguousarray(image[..., ::-1])
    if rng.random() < 0.4:
        rate = 1000 / (9 * 16.7**severity)
        data = cv2.imencode(".jp2", pixels, [cv2.IMWRITE_JPEG2000_COMPRESSION_X1000, round(rate)])[1]
    else:
        data = cv2.imencode(".webp", pixels, [cv2.IMWRITE_WEBP_QUALITY, round(88 - 87 * severity**0.6)])[1]
    return np.ascontiguousarray(cv2.imdecode(data, cv2.IMREAD_COLOR)[..., ::-1])


def recompress(image: Image, quality: int) -> Image:
    """`image` through JPEG of `quality` (1-100, libjpeg scale), 4:2:0."""
    data = simplejpeg.encode_jpeg(np.ascontiguousarray(image), quality, "RGB", "420")
    return np.asarray(simplejpeg.decode_jpeg(data, "RGB"), np.uint8)
