"""A burst made of one photograph: the same scene held a little differently, each shot with faults of its own."""

from collections.abc import Iterator
from typing import Final

import cv2
import numpy as np
import simplejpeg
from numpy.random import Generator

from idiff.imaging.resize import resize
from idiff.types import Image, Size
from idiff_models.answer.degradations import KINDS, degrade

MARGIN: Final = 0.04
"""Share of each side that a shot leaves out, so that one held differently still shows picture to its border."""

MOST_FAULTS: Final = 2


def burst(photo: Image, count: int, megapixels: float, seed: int) -> Iterator[bytes]:
    """`count` JPEG files of about so many megapixels; the same seed gives the same first ones, however many.

    `photo`: uint8, shape (height, width, 3), RGB; enlarged where it is smaller.
    """
    height, width = photo.shape[:2]
    scale = (1e6 * megapixels / (width * height)) ** 0.5 / (1 - 2 * MARGIN)
    photo = resize(photo, Size(round(width * scale), round(height * scale)))
    for shot in range(count):
        rng = np.random.default_rng([seed, shot])
        faults = rng.choice(list(KINDS), rng.integers(MOST_FAULTS + 1), replace=False)
        recipe = {str(kind): float(rng.uniform() ** 2) for kind in faults}  # lean to the subtle, as real ones do
        taken = degrade(_held(photo, rng), recipe, int(rng.integers(2**31)))
        yield simplejpeg.encode_jpeg(np.ascontiguousarray(taken), quality=95, colorspace="RGB")


def _held(photo: Image, rng: Generator) -> Image:
    """Turned, moved and stepped with by a hand."""
    height, width = photo.shape[:2]
    left, top = round(width * MARGIN), round(height * MARGIN)
    matrix = cv2.getRotationMatrix2D((width / 2, height / 2), rng.uniform(-0.7, 0.7), rng.uniform(0.99, 1.01))
    matrix[:, 2] += rng.uniform(-0.015, 0.015, 2) * max(width, height)
    moved = cv2.warpAffine(photo, matrix, (width, height), flags=cv2.INTER_CUBIC, borderMode=cv2.BORDER_REFLECT)
    return np.asarray(moved[top : height - top, left : width - left], np.uint8)
