"""From a photo's own colours to sRGB, on reduced views only: a full-resolution conversion costs more than decoding."""

from collections.abc import Callable
from functools import lru_cache, partial
from io import BytesIO

import numpy as np
from PIL import Image as Pillow
from PIL import ImageCms

from idiff.imaging import cicp
from idiff.imaging.photo import SRGB, Colour
from idiff.types import Image

_MAX_PROFILE = 4 * 2**20
"""Largest ICC profile used, bytes: printers' largest are about 2 MiB, and converters are kept by profile."""

_GRID = 9
_VISIBLE = 1.5


def to_srgb(image: Image, colour: Colour) -> Image:
    """8-bit sRGB of a picture whose values mean `colour`; the picture itself where they are sRGB already."""
    convert = _conversion(colour)
    return image if convert is None else convert(image)


def space(profile: bytes) -> str | None:
    """The colour space an ICC profile describes (`RGB`, `CMYK`, `GRAY`, `Lab`), None where it is unusable."""
    if len(profile) > _MAX_PROFILE:
        return None
    try:
        return ImageCms.ImageCmsProfile(BytesIO(profile)).profile.xcolor_space.strip()
    except (OSError, ImageCms.PyCMSError, TypeError, ValueError):
        return None


def usable(profile: bytes) -> bool:
    """Whether an RGB profile converts to sRGB at all."""
    try:
        _conversion(Colour(profile=profile))
    except ImageCms.PyCMSError:
        return False
    return True


def picture_to_srgb(picture: Pillow.Image, profile: ImageCms.ImageCmsProfile) -> Pillow.Image:
    """8-bit RGB of a picture that is not RGB (CMYK, Lab, grey) through its profile; raises `ImageCms.PyCMSError`."""
    transform = ImageCms.buildTransform(profile, ImageCms.createProfile("sRGB"), picture.mode, "RGB")
    converted = ImageCms.applyTransform(picture, transform)
    if converted is None:
        raise ImageCms.PyCMSError("no picture came back")
    return converted


@lru_cache(maxsize=16)
def _conversion(colour: Colour) -> Callable[[Image], Image] | None:
    """What turns pictures of `colour` into sRGB, None where nothing visible would change."""
    if colour == SRGB:
        return None
    if colour.profile is None:
        return partial(cicp.to_srgb, primaries=colour.primaries, transfer=colour.transfer)
    source = ImageCms.ImageCmsProfile(BytesIO(colour.profile))
    transform = ImageCms.buildTransform(source, ImageCms.createProfile("sRGB"), "RGB", "RGB")
    convert = partial(_apply, transform=transform)
    # Most embedded profiles are sRGB itself in one of its many spellings; converting by it would only cost time.
    levels = np.linspace(0, 255, _GRID).round().astype(np.uint8)
    colours = np.stack(np.meshgrid(levels, levels, levels), axis=-1).reshape(1, -1, 3)
    change = np.abs(convert(colours).astype(np.int16) - colours)
    return convert if change.max() > _VISIBLE else None


def _apply(image: Image, transform: ImageCms.ImageCmsTransform) -> Image:
    return np.asarray(ImageCms.applyTransform(Pillow.fromarray(image), transform), np.uint8)
