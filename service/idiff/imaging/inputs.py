"""From views to the tensor an Answer Model member reads. Training imports it, so that the two cannot drift apart."""

import numpy as np
from numpy.typing import NDArray

from idiff.imaging.resize import resize
from idiff.types import Image, Size


def global_input(view: Image, side: int) -> Image:
    """The whole photo as `side` x `side` pixels, aspect not kept, so that nothing is cut off."""
    return resize(view, Size(side, side))


def crop_input(view: Image, side: int) -> Image:
    """The central `side` x `side` pixels of the crop at native scale; a smaller crop is enlarged to fit."""
    height, width = view.shape[:2]
    if min(height, width) < side:
        scale = side / min(height, width)
        view = resize(view, Size(max(side, round(width * scale)), max(side, round(height * scale))))
        height, width = view.shape[:2]
    top, left = (height - side) // 2, (width - side) // 2
    return view[top : top + side, left : left + side]


def model_input(
    global_view: Image, crop_view: Image, side: int, mean: tuple[float, ...], std: tuple[float, ...]
) -> NDArray[np.float32]:
    """One photo as a member reads it: float32 (2, 3, side, side), global view first, `(x / 255 - mean) / std`."""
    pixels = np.stack([global_input(global_view, side), crop_input(crop_view, side)]).astype(np.float32)
    scale = (1 / (255 * np.asarray(std))).astype(np.float32)
    shift = (-np.asarray(mean) / np.asarray(std)).astype(np.float32)
    return np.ascontiguousarray((pixels * scale + shift).transpose(0, 3, 1, 2))
