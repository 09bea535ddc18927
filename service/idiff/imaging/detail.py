"""Where aligned photos have detail and differ in it."""

from collections.abc import Iterable

import cv2
import numpy as np
from numpy.typing import NDArray

from idiff.imaging.align import Matrix, compose, invert, relative_to_pixels
from idiff.imaging.photo import Grey
from idiff.types import Size

Floats = NDArray[np.float32]

_TONE = 128.0
_FINE_SIGMA = 1.5


def seen_as(first: Grey, second: Grey, matrix: Matrix) -> Grey:
    """The second grey moved onto the first, of its size. `matrix`: similarity first -> second, relative units."""
    (height, width), (other_height, other_width) = first.shape, second.shape
    from_first = compose(matrix, invert(relative_to_pixels(Size(width, height))))
    onto = compose(relative_to_pixels(Size(other_width, other_height)), from_first)
    flags = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
    return np.asarray(
        cv2.warpAffine(second, onto, (width, height), flags=flags, borderMode=cv2.BORDER_REPLICATE), np.uint8
    )


def detail_score(first: Grey, others: Iterable[Grey], window: int) -> Floats:
    """Score of the square window of `window` pixels around each pixel, symmetric in the greys, shape as theirs.

    The mean high-pass magnitudes of the photos with most and with least of it, summed, times one plus the share by
    which the two differ plus how far the tones differ there, beyond the whole picture, in units of 128 levels.
    """
    tone, most = _look(first, window)
    least = most
    # An exposure difference is everywhere; only what departs from it tells regions apart.
    brightest = darkest = np.zeros_like(tone)
    for grey in others:
        other_tone, detail = _look(grey, window)
        most, least = np.maximum(most, detail), np.minimum(least, detail)
        departure = tone - other_tone
        departure -= np.median(departure)
        brightest, darkest = np.maximum(brightest, departure), np.minimum(darkest, departure)
    total = most + least + 1e-3
    difference = (most - least) / total + (brightest - darkest) / _TONE
    return np.asarray(total * (1 + difference), np.float32)


def _look(grey: Grey, window: int) -> tuple[Floats, Floats]:
    """Mean tone and mean high-pass magnitude of the window around each pixel."""
    values = grey.astype(np.float32)
    fine = np.abs(values - cv2.GaussianBlur(values, (0, 0), _FINE_SIGMA))
    return np.asarray(cv2.blur(values, (window, window))), np.asarray(cv2.blur(fine, (window, window)))
