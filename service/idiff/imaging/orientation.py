"""The eight EXIF orientations (EXIF 2.32, tag 0x0112) as a transposition followed by flips."""

import cv2
import numpy as np

from idiff.types import Box, Image, Size

# Stored -> upright: (transpose, then mirror left-right, then mirror top-bottom).
_STEPS = {
    1: (False, False, False),
    2: (False, True, False),
    3: (False, True, True),
    4: (False, False, True),
    5: (True, False, False),
    6: (True, True, False),
    7: (True, True, True),
    8: (True, False, True),
}


def upright(image: Image, orientation: int) -> Image:
    """The stored picture turned upright; contiguous."""
    transpose, mirror, flip = _STEPS[orientation]
    if transpose:
        image = np.asarray(cv2.transpose(image), np.uint8)
    if mirror or flip:
        image = np.asarray(cv2.flip(image, -1 if mirror and flip else 1 if mirror else 0), np.uint8)
    return np.ascontiguousarray(image)


def upright_size(stored: Size, orientation: int) -> Size:
    """Size of the upright picture."""
    return Size(stored.height, stored.width) if _STEPS[orientation][0] else stored


def stored_box(box: Box, size: Size, orientation: int) -> Box:
    """Where `box` of an upright picture of `size` lies in the stored picture."""
    transpose, mirror, flip = _STEPS[orientation]
    x = size.width - box.x - box.width if mirror else box.x
    y = size.height - box.y - box.height if flip else box.y
    return Box(y, x, box.height, box.width) if transpose else Box(x, y, box.width, box.height)
