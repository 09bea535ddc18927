"""Bringing two greys to one sharpness, so that features found in a sharp photo exist in a blurred one as well."""

import cv2
import numpy as np

from idiff.imaging.photo import Grey

_SIGMAS = (0.7, 1.0, 1.4, 2.0, 2.8, 4.0, 5.6, 8.0)
_ALIKE = 1.5


def equalise(first: Grey, second: Grey) -> tuple[Grey, Grey]:
    """The two greys, the sharper one blurred (Gaussian) as far as it stays the sharper one; alike ones as they are.

    Sharpness is the mean absolute Laplacian. Symmetric: swapping the arguments swaps the results.
    """
    sharpness = _sharpness(first), _sharpness(second)
    if max(sharpness) < _ALIKE * min(sharpness):
        return first, second
    if sharpness[0] < sharpness[1]:
        return first, _blurred(second, sharpness[0])
    return _blurred(first, sharpness[1]), second


def _blurred(grey: Grey, wanted: float) -> Grey:
    best = grey
    for sigma in _SIGMAS:
        candidate = np.asarray(cv2.GaussianBlur(grey, (0, 0), sigma), np.uint8)
        if _sharpness(candidate) < wanted:
            break
        best = candidate
    return best


def _sharpness(grey: Grey) -> float:
    return float(np.abs(cv2.Laplacian(grey, cv2.CV_16S)).mean())
