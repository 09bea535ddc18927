"""From views to the tensor an Answer Model member reads. Training imports it, so that the two cannot drift apart."""

import math

import numpy as np
from numpy.typing import NDArray

from idiff.imaging.resize import resize
from idiff.types import Box, Image, Size


def global_input(view: Image, side: int) -> Image:
    """The whole photo as `side` x `side` pixels, aspect not kept, so that nothing is cut off."""
    return resize(view, Size(side, side))


def tile_boxes(width: int, height: int, side: int, tiles: int = 1) -> list[Box]:
    """Where a member looks in a crop of `width` x `height` pixels: `tiles` windows of `side` x `side`, row by row.

    The windows are centred on the cells of a square grid and moved inside where they stick out, so they overlap in a
    small crop; a single one is the centre.

    Raises:
        ValueError: `tiles` is no square number, or the crop is smaller than a window.
    """
    across = math.isqrt(max(tiles, 0))
    if tiles < 1 or across * across != tiles:
        raise ValueError(f"{tiles} tiles make no square grid")
    if min(width, height) < side:
        raise ValueError(f"a crop of {width} x {height} pixels holds no window of {side}")

    def starts(extent: int) -> list[int]:
        centred = [((2 * cell + 1) * extent - across * side) // (2 * across) for cell in range(across)]
        return [min(max(start, 0), extent - side) for start in centred]

    return [Box(left, top, side, side) for top in starts(height) for left in starts(width)]


def crop_tiles(view: Image, side: int, tiles: int = 1) -> Image:
    """Windows of the crop at native scale, uint8 (tiles, side, side, 3); a smaller crop is enlarged to hold one."""
    height, width = view.shape[:2]
    if min(height, width) < side:
        scale = side / min(height, width)
        view = resize(view, Size(max(side, round(width * scale)), max(side, round(height * scale))))
        height, width = view.shape[:2]
    boxes = tile_boxes(width, height, side, tiles)
    return np.stack([view[box.y : box.y + side, box.x : box.x + side] for box in boxes])


def crop_input(view: Image, side: int) -> Image:
    """The central `side` x `side` pixels of the crop at native scale; a smaller crop is enlarged to fit."""
    centre: Image = crop_tiles(view, side)[0]
    return centre


def model_input(
    global_view: Image, crop_view: Image, side: int, mean: tuple[float, ...], std: tuple[float, ...], tiles: int = 1
) -> NDArray[np.float32]:
    """One photo as a member reads it: float32 (1 + tiles, 3, side, side), `(x / 255 - mean) / std`.

    The global view comes first, then the crop's windows.
    """
    pixels = np.concatenate([global_input(global_view, side)[np.newaxis], crop_tiles(crop_view, side, tiles)])
    scale = (1 / (255 * np.asarray(std))).astype(np.float32)
    shift = (-np.asarray(mean) / np.asarray(std)).astype(np.float32)
    tensor = np.empty((1 + tiles, 3, side, side), np.float32)
    for channel in range(3):  # a channel at a time is an order of magnitude faster than three interleaved
        np.multiply(pixels[..., channel], scale[channel], out=tensor[:, channel])
        tensor[:, channel] += shift[channel]
    return tensor
