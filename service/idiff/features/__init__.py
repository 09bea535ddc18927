"""Measured evidence about a view."""

from idiff.features.cv import measure
from idiff.features.definitions import GLOBAL_STATISTICS_SIDE
from idiff.imaging.resize import fit, resize
from idiff.types import Image, PhotoFeatures, PhotoViews, Size


def for_statistics(global_view: Image) -> Image:
    """A global view at the fixed size its statistics are defined at: long side `GLOBAL_STATISTICS_SIDE`."""
    height, width = global_view.shape[:2]
    return resize(global_view, fit(Size(width, height), GLOBAL_STATISTICS_SIDE))


def measure_photo(views: PhotoViews) -> PhotoFeatures:
    """Statistics of a photo: of the crop at native resolution and of the global view at `GLOBAL_STATISTICS_SIDE`."""
    return PhotoFeatures(global_view=measure(for_statistics(views.global_view)), crop_view=measure(views.crop_view))
