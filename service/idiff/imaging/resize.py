"""The one resize kernel of the project, for training and serving alike."""

import cv2

from idiff.imaging import GLOBAL_SIDE
from idiff.types import Image, Size


def resize(image: Image, size: Size) -> Image:
    """Antialiased resize to exactly `size`.

    Shrinking averages pixel areas; a large shrink first averages whole blocks of pixels, which is twice as fast and the
    same kernel. Enlarging is bicubic. One axis may shrink while the other grows.
    """
    height, width = image.shape[:2]
    if (width, height) == (size.width, size.height):
        return image
    step = min(width // max(size.width, 1), height // max(size.height, 1)) // 2
    if step >= 2:
        block = 1 << (step.bit_length() - 1)
        image = cv2.resize(image, (width // block, height // block), interpolation=cv2.INTER_AREA)
        height, width = image.shape[:2]
    shrink = Size(min(width, size.width), min(height, size.height))
    if (width, height) != (shrink.width, shrink.height):
        image = cv2.resize(image, (shrink.width, shrink.height), interpolation=cv2.INTER_AREA)
    if shrink != size:
        image = cv2.resize(image, (size.width, size.height), interpolation=cv2.INTER_CUBIC)
    return image


def fit(size: Size, longest: int = GLOBAL_SIDE) -> Size:
    """`size` scaled down, aspect kept, so that its longer side is at most `longest`; never enlarged."""
    scale = min(1.0, longest / max(size.width, size.height))
    return Size(max(1, round(size.width * scale)), max(1, round(size.height * scale)))
