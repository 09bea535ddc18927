"""How much of a view's energy lies in fine detail."""

from functools import lru_cache

import cv2
import numpy as np
from numpy.typing import NDArray

from idiff.features.definitions import HIGH_FREQUENCY

Floats = NDArray[np.float32]


def high_frequency_ratio(luma: NDArray[np.uint8]) -> float:
    """Share, 0-1, of spectral energy at `HIGH_FREQUENCY` cycles per pixel and above; 0 for a flat view.

    `luma`: shape (height, width). Of the central part whose sides are multiples of 8 (so that the transform is fast at
    every size) the mean is removed, and a Hann window applied against leakage from the borders.
    """
    height, width = (side - side % 8 or side for side in luma.shape)
    top, left = (luma.shape[0] - height) // 2, (luma.shape[1] - width) // 2
    part = luma[top : top + height, left : left + width]
    window, weight, high = _plan(height, width)
    mean = np.float32(cv2.sumElems(part)[0] / part.size)
    # OpenCV's packed real transform takes a tenth of the time of a complex one.
    spectrum = cv2.dft((part - mean) * window)
    power = spectrum * spectrum
    total = float(np.vdot(power, weight))
    return min(1.0, float(np.vdot(power, high)) / total) if total > 0 else 0.0


@lru_cache(maxsize=8)
def _plan(height: int, width: int) -> tuple[Floats, Floats, Floats]:
    """Window, and per entry of the packed spectrum how often its energy counts: in all, and at high frequencies.

    Column 0, and the last one of an even width, hold the half-spectrum of rows (Re 0, Re 1, Im 1, ...); the columns
    between hold Re, Im in pairs. Every entry but the real ones stands for its conjugate twin as well.
    """
    rows, columns = np.arange(height), np.arange(width)
    fx = np.broadcast_to((columns + 1) // 2 / width, (height, width))
    fy = np.repeat(np.minimum(rows, height - rows)[:, None] / height, width, axis=1)
    weight = np.full((height, width), 2.0, np.float32)
    for column in {0, width - 1} if width % 2 == 0 else {0}:
        fy[:, column] = (rows + 1) // 2 / height
        weight[0, column] = 1
        if height % 2 == 0:
            weight[-1, column] = 1
    window = np.outer(np.hanning(height), np.hanning(width)).astype(np.float32)
    high = np.where(np.hypot(fx, fy) >= HIGH_FREQUENCY, weight, np.float32(0))
    for array in (window, weight, high):
        array.setflags(write=False)
    return window, weight, high
