"""What an expert looks for beyond the statistics: edge width, halos, grain, fine texture, tone and warmth.

It supports the grounded rationale and is not part of the response.
"""

from dataclasses import dataclass

import cv2
import numpy as np

from idiff.features.blocks import blockiness
from idiff.features.cv import to_luma
from idiff.features.edges import Edges, measure_edges
from idiff.features.patches import Patches, measure_patches
from idiff.imaging.resize import fit, resize
from idiff.types import Image, PhotoViews, Size

OVERVIEW_SIDE = 512
"""Long side in pixels at which the whole photo is looked at: about what a page shows of it."""


@dataclass(frozen=True, slots=True)
class Evidence:
    """Of one photo; the first five of its crop view, the others of its global view.

    `native_side`: pixels of the original that a side of the crop view was cut from, nan where the caller gave the crop;
    `crop_contrast` and `contrast`: standard deviation of luma, grey levels; `warmth`: mean R - B, and `green`:
    mean G - (R + B) / 2, grey levels.
    """

    native_side: float
    edges: Edges
    patches: Patches | None
    blockiness: float
    crop_contrast: float
    global_edges: Edges
    contrast: float
    warmth: float
    green: float


def gather(views: PhotoViews) -> Evidence:
    """Evidence from the crop at native resolution and from the global view at `OVERVIEW_SIDE`."""
    luma, red, blue = cv2.split(cv2.cvtColor(views.crop_view, cv2.COLOR_RGB2YCrCb))
    height, width = views.global_view.shape[:2]
    whole = resize(views.global_view, fit(Size(width, height), OVERVIEW_SIDE))
    overview = to_luma(whole)
    mean_red, mean_green, mean_blue, _ = cv2.mean(whole)
    return Evidence(
        native_side=float(views.crop_box.width) if views.crop_box else float("nan"),
        edges=measure_edges(np.asarray(luma, np.uint8)),
        patches=measure_patches(np.asarray(luma, np.uint8), (np.asarray(red, np.uint8), np.asarray(blue, np.uint8))),
        blockiness=blockiness(np.asarray(luma, np.uint8)),
        crop_contrast=float(cv2.meanStdDev(luma)[1][0, 0]),
        global_edges=measure_edges(overview),
        contrast=float(cv2.meanStdDev(overview)[1][0, 0]),
        warmth=mean_red - mean_blue,
        green=mean_green - (mean_red + mean_blue) / 2,
    )


def same_pixels(a: Image, b: Image) -> bool:
    """Whether two views are equal in every pixel."""
    return np.array_equal(a, b)
