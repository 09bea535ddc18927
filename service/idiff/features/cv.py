"""Classical statistics of one view: sharpness, noise, exposure and colour in numbers that can be recomputed.

All are of 8-bit Rec. 601 luma, Y = 0.299 R + 0.587 G + 0.114 B of the sRGB-encoded values rounded to 0-255, except
colourfulness. Neighbourhood filters mirror the border without repeating its pixel. `definitions.DEFINITIONS` has a line
on each.
"""

import cv2
import numpy as np
from numpy.typing import NDArray

from idiff.features.definitions import CANNY_HIGH, CANNY_LOW, FLAT_SHARE, NOISE_LUMA, OVER_ABOVE, UNDER_BELOW
from idiff.features.spectrum import high_frequency_ratio
from idiff.types import Image, Statistics

Luma = NDArray[np.uint8]
Gradient = cv2.typing.MatLike


def measure(view: Image) -> Statistics:
    """The statistics of `view`, uint8 RGB of shape (height, width, 3), at the size given; finite for every picture."""
    luma = to_luma(view)
    gx, gy = cv2.Sobel(luma, cv2.CV_16S, 1, 0), cv2.Sobel(luma, cv2.CV_16S, 0, 1)
    histogram = cv2.calcHist([luma], [0], None, [256], [0, 256]).ravel().astype(np.float64) / luma.size
    return Statistics(
        laplacian=laplacian(luma),
        tenengrad=tenengrad(gx, gy),
        noise_sigma=noise_sigma(luma, gx, gy),
        high_frequency_ratio=high_frequency_ratio(luma),
        edge_density=edge_density(gx, gy),
        entropy=entropy(histogram),
        under_exposed=float(histogram[:UNDER_BELOW].sum()),
        over_exposed=float(histogram[OVER_ABOVE + 1 :].sum()),
        colorfulness=colorfulness(view),
        brightness=float(histogram @ np.arange(256)),
    )


def to_luma(view: Image) -> Luma:
    """8-bit Rec. 601 luma, shape (height, width)."""
    return np.asarray(cv2.cvtColor(view, cv2.COLOR_RGB2GRAY), np.uint8)


def laplacian(luma: Luma) -> float:
    """Variance of the response to [[0,1,0], [1,-4,1], [0,1,0]], squared grey levels (Pech-Pacheco et al. 2000)."""
    _, deviation = cv2.meanStdDev(cv2.Laplacian(luma, cv2.CV_16S, ksize=1))
    return float(deviation[0, 0]) ** 2


def tenengrad(gx: Gradient, gy: Gradient) -> float:
    """Mean gx² + gy² of the unnormalised 3x3 Sobel masks (Tenenbaum 1970; no threshold), grey levels squared."""
    return (cv2.norm(gx, cv2.NORM_L2SQR) + cv2.norm(gy, cv2.NORM_L2SQR)) / gx.size


def noise_sigma(luma: Luma, gx: Gradient, gy: Gradient) -> float:
    """Standard deviation of white noise, grey levels: Immerkaer, "Fast Noise Variance Estimation" (1996).

    sqrt(pi/2)/6 times the mean magnitude of the response to [[1, -2, 1], [-2, 4, -2], [1, -2, 1]], taken over the flat
    pixels (the `FLAT_SHARE` of smallest |gx| + |gy|, ties included) with luma within `NOISE_LUMA`, so that edges and
    clipped areas don't count. Choosing by gradient does not bias the estimate: the Sobel masks are odd and this one is
    even, so that for white Gaussian noise their responses at a pixel are independent. Noise that a camera has blotched
    over several pixels is underestimated. 0 where no pixel is in range.
    """
    valid = cv2.inRange(luma, *NOISE_LUMA)
    steepness = cv2.add(cv2.convertScaleAbs(gx), cv2.convertScaleAbs(gy))
    # A histogram under a mask takes twice the time: what is out of range is counted as steepest, and taken off there.
    marked = cv2.bitwise_or(steepness, cv2.bitwise_not(valid))
    counts = np.cumsum(cv2.calcHist([marked], [0], None, [256], [0, 256]).ravel().astype(np.int64))
    counts[-1] = cv2.countNonZero(valid)
    if counts[-1] == 0:
        return 0.0
    limit = int(np.searchsorted(counts, counts[-1] * FLAT_SHARE))
    flat = cv2.bitwise_and(valid, cv2.inRange(steepness, 0, limit))
    mask = np.array([1, -2, 1], np.float32)
    response = cv2.sepFilter2D(luma, cv2.CV_16S, mask, mask)
    return float(np.sqrt(np.pi / 2) / 6 * cv2.mean(np.abs(response), mask=flat)[0])


def edge_density(gx: Gradient, gy: Gradient) -> float:
    """Share, 0-1, of pixels that Canny (1986) marks, with thresholds `CANNY_LOW` and `CANNY_HIGH` on |gx| + |gy|."""
    return cv2.countNonZero(cv2.Canny(gx, gy, CANNY_LOW, CANNY_HIGH)) / gx.size


def entropy(histogram: NDArray[np.float64]) -> float:
    """Shannon entropy in bits, 0-8, of a normalised 256-bin histogram."""
    present = histogram[histogram > 0]
    return max(0.0, float(-(present * np.log2(present)).sum()))


def colorfulness(view: Image) -> float:
    """Hasler and Süsstrunk (2003), M3 = sqrt(var rg + var yb) + 0.3 sqrt(mean rg² + mean yb²), signed rg and yb."""
    planes = red, green, blue = cv2.split(view)
    r, g, b = (round(cv2.sumElems(plane)[0]) for plane in planes)
    # Sums of squared differences, which are whole numbers: of R - G, R - B and G - B. Twice yb, R + G - 2B, is the sum
    # of the last two, and what they have in common follows from the first.
    rg2, rb2, gb2 = (round(cv2.norm(x, y, cv2.NORM_L2SQR)) for x, y in ((red, green), (red, blue), (green, blue)))
    rg, yb = _spread(red.size, r - g, rg2), _spread(red.size, r + g - 2 * b, 2 * (rb2 + gb2) - rg2)
    return float(np.hypot(rg[1], yb[1] / 2) + 0.3 * np.hypot(rg[0], yb[0] / 2))


def _spread(count: int, total: int, squares: int) -> tuple[float, float]:
    """Mean and standard deviation of whole numbers by their sum and the sum of their squares; exact until divided."""
    return total / count, (count * squares - total * total) ** 0.5 / count
