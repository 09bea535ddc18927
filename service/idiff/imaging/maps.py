"""Where two aligned photos differ and where each is sharp, as pictures that fit photo A's global view."""

import base64
import io
from typing import Final

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image as Pillow

from idiff.imaging.align import compose, invert, relative_to_pixels
from idiff.types import Image, Map, SharpnessMaps, Size, Views

Values = NDArray[np.float32]
Mask = NDArray[np.bool_]

LEVELS: Final = 64
"""Colours of a map, no more than the eye tells apart; the palette's next entry is transparent."""

_HIGHEST: Final = 99.0
"""Percentile of the values that gets the last colour, so that a few extreme pixels don't darken the rest."""

_JUST_NOTICEABLE: Final = 2.3
"""Delta E (CIE 1976) that is just noticeable (Mahy et al. 1994); a scale never ends below twice that."""

_FAINT: Final = 2.0
"""Grey levels of detail at which a scale of sharpness ends at the earliest."""

_REGISTRATION_SIGMA: Final = 1.0
"""Blur before colours are compared, pixels: alignment is no better than a fraction of one."""

_FINE_SIGMA, _AROUND_SIGMA = 1.5, 4.0
"""What is finer than the first is detail; its strength is averaged over the second. Pixels."""


def difference(views: Views) -> Map:
    """Euclidean distance in CIELAB (D65), delta E of 1976, between photo A and photo B moved onto it."""
    first, second = (_lab(photo.global_view) for photo in (views.a, views.b))
    moved, shown = _onto_a(second, views)
    distance = np.linalg.norm(first - moved, axis=2).astype(np.float32)
    return _drawn(distance, shown, _top([distance[shown]], 2 * _JUST_NOTICEABLE), "delta E", cv2.COLORMAP_INFERNO)


def sharpness(views: Views) -> SharpnessMaps:
    """Mean magnitude of what is finer than `_FINE_SIGMA`, grey levels, around each pixel of each photo's global view.

    Measured before anything is moved, as moving blurs.
    """
    first, second = (_detail(photo.global_view) for photo in (views.a, views.b))
    moved, shown = _onto_a(second, views)
    top = _top([first.ravel(), second.ravel()], _FAINT)
    everywhere = np.ones(first.shape, bool)
    return SharpnessMaps(
        _drawn(first, everywhere, top, "grey levels", cv2.COLORMAP_VIRIDIS),
        _drawn(moved, shown, top, "grey levels", cv2.COLORMAP_VIRIDIS),
    )


def _lab(view: Image) -> Values:
    blurred = cv2.GaussianBlur(view.astype(np.float32) / 255, (0, 0), _REGISTRATION_SIGMA)
    return np.asarray(cv2.cvtColor(blurred, cv2.COLOR_RGB2Lab), np.float32)


def _detail(view: Image) -> Values:
    grey = cv2.cvtColor(view, cv2.COLOR_RGB2GRAY).astype(np.float32)
    fine = np.abs(grey - cv2.GaussianBlur(grey, (0, 0), _FINE_SIGMA))
    return np.asarray(cv2.GaussianBlur(fine, (0, 0), _AROUND_SIGMA), np.float32)


def _onto_a(values: Values, views: Views) -> tuple[Values, Mask]:
    """What belongs to B's global view, moved onto A's; and where B shows anything."""
    (height, width), (other_height, other_width) = views.a.global_view.shape[:2], values.shape[:2]
    from_a = compose(views.alignment.matrix, invert(relative_to_pixels(Size(width, height))))
    onto = compose(relative_to_pixels(Size(other_width, other_height)), from_a)
    flags = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
    moved = cv2.warpAffine(values, onto, (width, height), flags=flags, borderMode=cv2.BORDER_REPLICATE)
    inside = np.ones((other_height, other_width), np.uint8)
    shown = cv2.warpAffine(inside, onto, (width, height), flags=cv2.INTER_NEAREST | cv2.WARP_INVERSE_MAP)
    return np.asarray(moved, np.float32), np.asarray(shown > 0)


def _top(values: list[NDArray[np.float32]], least: float) -> float:
    seen = np.concatenate(values)
    return max(least, float(np.percentile(seen, _HIGHEST))) if seen.size else least


def _drawn(values: Values, shown: Mask, top: float, unit: str, colours: int) -> Map:
    levels = np.clip(np.rint(values * ((LEVELS - 1) / top)), 0, LEVELS - 1).astype(np.uint8)
    levels[~shown] = LEVELS
    scale = np.linspace(0, 255, LEVELS).astype(np.uint8)[:, None]
    palette = cv2.applyColorMap(scale, colours)[:, 0, ::-1]
    picture = Pillow.fromarray(levels)
    picture.putpalette(palette.tobytes() + bytes(3))
    file = io.BytesIO()
    picture.save(file, "PNG", transparency=LEVELS, compress_level=3)
    return Map(base64.b64encode(file.getvalue()).decode(), 0.0, round(top, 3), unit)
