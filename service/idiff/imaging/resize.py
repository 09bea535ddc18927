"""The one resize kernel of the project, for training and serving alike."""

import cv2
import numpy as np

from idiff.imaging import GLOBAL_SIDE
from idiff.types import Image, Size


def resize(image: Image, size: Size) -> Image:
    """Antialiased resize to exactly `size`.

    Shrinking averages pixel areas; a shrink by three or more first averages whole blocks of pixels, which is twice as
    fast and the same kernel. Enlarging is bicubic. One axis may shrink while the other grows.
    """
    height, width = image.shape[:2]
    if (width, height) == (size.width, size.height):
        return image
    factor = min(width // max(size.width, 1), height // max(size.height, 1))
    if factor >= 3:
        block = 1 << max(1, factor.bit_length() - 2)
        # Blocks that do not divide the picture cost ten times as much, so a remainder narrower than one is left out.
        width, height = width // block, height // block
        image = _scale(image[: height * block, : width * block], Size(width, height), cv2.INTER_AREA)
    shrink = Size(min(width, size.width), min(height, size.height))
    if (width, height) != (shrink.width, shrink.height):
        image = _scale(image, shrink, cv2.INTER_AREA)
    return image if shrink == size else _scale(image, size, cv2.INTER_CUBIC)


def fit(size: Size, longest: int = GLOBAL_SIDE) -> Size:
    """`size` scaled down, aspect kept, so that its longer side is at most `longest`; never enlarged."""
    scale = min(1.0, longest / max(size.width, size.height))
    return Size(max(1, round(size.width * scale)), max(1, round(size.height * scale)))


def _scale(image: Image, size: Size, interpolation: int) -> Image:
    return np.asarray(cv2.resize(image, (size.width, size.height), interpolation=interpolation), np.uint8)
