"""How one photo's content maps onto the other's: ORB features and a robust similarity (Rublee et al., ICCV 2011).

Relative units: x and y divided by the own photo's long side, so that a mapping holds at any resolution.
"""

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from idiff.imaging.photo import Grey
from idiff.imaging.resize import resize
from idiff.imaging.sharpness import equalise
from idiff.types import Image, Size

Matrix = NDArray[np.float64]

IDENTITY: Matrix = np.array([[1.0, 0.0, 0.0], [0.0, 1.0, 0.0]])
IDENTITY.setflags(write=False)

PIXELS = 250_000
"""Size at which photos are aligned and compared, pixels."""

_FEATURES = 800
_FAST_THRESHOLD = 8
_NARROWEST = 63
"""Side below which ORB finds nothing, for it looks 31 pixels around a point; of far narrower ones it makes an error."""

_THRESHOLD = 0.005
"""Largest distance of an inlier, relative units: three pixels at `PIXELS`."""

_UNRESOLVED = 0.0007
"""Smallest motion that alignment can tell from none, relative units: four tenths of a pixel at `PIXELS`."""

_MIN_INLIERS = 16
_MIN_INLIER_SHARE = 0.12
_MAX_SCALE = 5.0
_THUMBNAIL = 24
_MIN_CORRELATION = 0.7
_SCALED = 1000.0


@dataclass(frozen=True, slots=True, eq=False)
class Fit:
    """`matrix`: 2x3 similarity from the first photo to the second, None where none was found."""

    matrix: Matrix | None
    inliers: int
    similar: bool


def to_grey(view: Image) -> Grey:
    """An upright sRGB view as grey (BT.601 luma) with about `PIXELS` pixels, never enlarged."""
    height, width = view.shape[:2]
    scale = min(1.0, (PIXELS / (width * height)) ** 0.5)
    grey = np.asarray(cv2.cvtColor(view, cv2.COLOR_RGB2GRAY), np.uint8)
    return resize(grey, Size(max(1, round(width * scale)), max(1, round(height * scale))))


def fit(first: Grey, second: Grey) -> Fit:
    """Finds the similarity between two greys of `to_grey`, and whether they look alike at all."""
    detector = cv2.ORB.create(_FEATURES, fastThreshold=_FAST_THRESHOLD)
    points: list[NDArray[np.float64]] = []
    descriptors: list[NDArray[np.uint8]] = []
    for grey in equalise(first, second):
        if min(grey.shape) < _NARROWEST:
            break
        found, described = detector.detectAndCompute(grey, None)
        if described is None:
            break
        at = np.array([keypoint.pt for keypoint in found], np.float64)
        points.append((at + 0.5) / max(grey.shape))
        descriptors.append(np.asarray(described, np.uint8))
    if len(points) == 2:
        matches = cv2.BFMatcher(cv2.NORM_HAMMING, crossCheck=True).match(descriptors[0], descriptors[1])
        if len(matches) >= _MIN_INLIERS:
            source = points[0][[match.queryIdx for match in matches]]
            target = points[1][[match.trainIdx for match in matches]]
            matrix, inliers = _similarity(source, target)
            if matrix is not None and _plausible(matrix, inliers, len(matches)):
                return Fit(_settled(matrix), inliers, similar=True)
    return Fit(None, 0, similar=likeness(thumbnail(first), thumbnail(second)) >= _MIN_CORRELATION)


def thumbnail(grey: Grey) -> NDArray[np.float64]:
    """`_THUMBNAIL` pixels a side, aspect not kept, mean removed."""
    small = resize(grey, Size(_THUMBNAIL, _THUMBNAIL)).astype(np.float64)
    return np.asarray(small - small.mean(), np.float64)


def likeness(a: NDArray[np.float64], b: NDArray[np.float64]) -> float:
    """Pearson correlation of two thumbnails, 1 where both are flat."""
    energy = float(np.sqrt((a * a).sum() * (b * b).sum()))
    flat = 2.0 * _THUMBNAIL**2
    return float((a * b).sum()) / energy if energy > flat else float(max((a * a).sum(), (b * b).sum()) <= flat)


def relative_to_pixels(size: Size) -> Matrix:
    """2x3 matrix from relative units to the pixel centres' coordinates in a picture of `size`."""
    longest = float(max(size.width, size.height))
    return np.array([[longest, 0, -0.5], [0, longest, -0.5]])


def apply(matrix: Matrix, points: NDArray[np.float64]) -> NDArray[np.float64]:
    """Maps points, shape (..., 2)."""
    return points @ matrix[:, :2].T + matrix[:, 2]


def invert(matrix: Matrix) -> Matrix:
    """The inverse of a 2x3 affine matrix."""
    return np.asarray(cv2.invertAffineTransform(matrix), np.float64)


def compose(outer: Matrix, inner: Matrix) -> Matrix:
    """The 2x3 matrix that applies `inner` first."""
    return np.asarray(outer @ np.vstack([inner, [0, 0, 1]]), np.float64)


def scale_of(matrix: Matrix) -> float:
    """How much a similarity enlarges."""
    return float(np.hypot(matrix[0, 0], matrix[1, 0]))


def _similarity(source: NDArray[np.float64], target: NDArray[np.float64]) -> tuple[Matrix | None, int]:
    # RANSAC, not MAGSAC: OpenCV's MAGSAC fits affine maps and homographies, whose further unknowns a box cannot use.
    # It refines with single-precision tolerances, so it works on numbers of the size of pixels.
    matrix, mask = cv2.estimateAffinePartial2D(
        source * _SCALED, target * _SCALED, ransacReprojThreshold=_THRESHOLD * _SCALED, confidence=0.999, maxIters=2000
    )
    if matrix is None:
        return None, 0
    found = np.array(matrix, np.float64)
    found[:, 2] /= _SCALED
    return found, int(mask.sum())


def _settled(matrix: Matrix) -> Matrix:
    """The matrix, or the identity where the two cannot be told apart: two renderings of a shot get equal boxes."""
    corners = np.array([[0.0, 0.0], [1, 0], [0, 1], [1, 1]])
    return IDENTITY if np.abs(apply(matrix, corners) - corners).max() < _UNRESOLVED else matrix


def _plausible(matrix: Matrix, inliers: int, matches: int) -> bool:
    scale = scale_of(matrix)
    enough = inliers >= _MIN_INLIERS and inliers >= _MIN_INLIER_SHARE * matches
    return enough and 1 / _MAX_SCALE <= scale <= _MAX_SCALE
