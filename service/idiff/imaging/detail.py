"""Where two aligned photos have detail and differ in it."""

import cv2
import numpy as np
from numpy.typing import NDArray

from idiff.imaging.align import Matrix, compose, invert, relative_to_pixels
from idiff.imaging.photo import Grey
from idiff.types import Size

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


def detail_score(first: Grey, second: Grey, window: int) -> NDArray[np.float32]:
    """Score of the square window of `window` pixels around each pixel, symmetric in the two greys, shape as theirs.

    The mean high-pass magnitude of both photos, times one plus the share by which the two magnitudes differ plus how
    far the tone difference departs from the whole picture's, in units of 128 levels.
    """
    tones, details = [], []
    for grey in (first, second):
        values = grey.astype(np.float32)
        fine = np.abs(values - cv2.GaussianBlur(values, (0, 0), _FINE_SIGMA))
        tones.append(cv2.blur(values, (window, window)))
        details.append(cv2.blur(fine, (window, window)))
    total = details[0] + details[1] + 1e-3
    tone = tones[0] - tones[1]
    # An exposure difference is everywhere; only what departs from it tells regions apart.
    difference = np.abs(details[0] - details[1]) / total + np.abs(tone - np.median(tone)) / _TONE
    return np.asarray(total * (1 + difference), np.float32)
