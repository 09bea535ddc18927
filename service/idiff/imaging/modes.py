"""Pillow's pixel modes as 8-bit RGB."""

from dataclasses import dataclass
from io import BytesIO

import numpy as np
from PIL import Image as Pillow
from PIL import ImageCms

from idiff.errors import UndecodableImage
from idiff.imaging import colour, notices
from idiff.imaging.photo import SRGB, Colour
from idiff.types import Image, Notice

_SIXTEEN_BIT = ("I;16", "I;16B", "I;16L", "I;16N")
_TIFF_BITS_PER_SAMPLE, _TIFF_PHOTOMETRIC = 258, 262
_WHITE_IS_ZERO = 0
_GREY = ("1", "L", "LA")


@dataclass(frozen=True, slots=True)
class Rgb:
    """`pixels`: uint8 (height, width, 3), values meaning `colour`."""

    pixels: Image
    colour: Colour
    notices: tuple[Notice, ...]


def to_rgb(picture: Pillow.Image, profile: bytes, field: str) -> Rgb:
    """8-bit RGB of a decoded picture; `profile` is its ICC profile, empty if it has none.

    16-bit samples are scaled. CMYK, Lab and profiled grey are converted to sRGB here, RGB keeps its own colours for the
    views to convert. Transparency is laid on white. Raises `UndecodableImage` for 32-bit samples.
    """
    if picture.mode in ("I", "F"):
        raise UndecodableImage(
            f"The picture in '{field}' has 32-bit samples, whose black and white are not defined. "
            "Export it with 8 or 16 bits per channel.",
            field=field,
        )
    if picture.mode in _SIXTEEN_BIT:
        picture = _eight_bit(picture)
    found: list[Notice] = []
    space = colour.space(profile) if profile else None
    if picture.mode == "LAB":
        lab = ImageCms.ImageCmsProfile(ImageCms.createProfile("LAB"))
        picture, space = colour.picture_to_srgb(picture, lab), "Lab"
    elif picture.mode == "CMYK":
        picture = _cmyk(picture, profile if space == "CMYK" else b"", field, found)
        space = "CMYK"
    elif picture.mode in _GREY and space == "GRAY":
        picture = _grey(picture, profile, field, found)
    elif profile and not (space == "RGB" and colour.usable(profile)):
        found.append(notices.profile_invalid(field))
        space = None
    if picture.has_transparency_data:
        picture = _on_white(picture, field, found)
    if picture.mode != "RGB":
        picture = picture.convert("RGB")
    meaning = Colour(profile=profile) if profile and space == "RGB" else SRGB
    return Rgb(np.asarray(picture, np.uint8), meaning, tuple(found))


def _eight_bit(picture: Pillow.Image) -> Pillow.Image:
    """Grey with 8 bits of one with up to 16, full scale kept."""
    tags = getattr(picture, "tag_v2", {})
    bits = tags.get(_TIFF_BITS_PER_SAMPLE, (16,))[0]
    full = float((1 << bits) - 1) if 8 < bits <= 16 else 65535.0
    values = np.asarray(picture).astype(np.float32)
    if tags.get(_TIFF_PHOTOMETRIC) == _WHITE_IS_ZERO:
        values = full - values  # Pillow inverts such pictures with 8 bits, not with 16.
    return Pillow.fromarray(np.clip(values * (255 / full) + 0.5, 0, 255).astype(np.uint8))


def _cmyk(picture: Pillow.Image, profile: bytes, field: str, found: list[Notice]) -> Pillow.Image:
    if not profile:
        found.append(notices.profile_missing(field))
        return picture.convert("RGB")
    return _through(picture, profile, field, found)


def _grey(picture: Pillow.Image, profile: bytes, field: str, found: list[Notice]) -> Pillow.Image:
    """Profiled grey as sRGB, its transparency kept."""
    alpha = picture.convert("RGBA").getchannel("A") if picture.has_transparency_data else None
    converted = _through(picture.convert("L"), profile, field, found)
    if alpha is not None:
        converted.putalpha(alpha)
    return converted


def _through(picture: Pillow.Image, profile: bytes, field: str, found: list[Notice]) -> Pillow.Image:
    """The picture as sRGB by its profile; by Pillow's plain formula, with a notice, where the profile is of no use."""
    try:
        return colour.picture_to_srgb(picture, ImageCms.ImageCmsProfile(BytesIO(profile)))
    except (OSError, ImageCms.PyCMSError):
        found.append(notices.profile_invalid(field))
        return picture.convert("RGB")


def _on_white(picture: Pillow.Image, field: str, found: list[Notice]) -> Pillow.Image:
    """The picture as a white page would show it, with a notice if anything of it was transparent at all."""
    layer = picture.convert("RGBA")
    lowest, _ = layer.getchannel("A").getextrema()
    if lowest == 255:
        return layer.convert("RGB")
    found.append(notices.alpha_composited(field))
    page = Pillow.new("RGBA", layer.size, "white")
    return Pillow.alpha_composite(page, layer).convert("RGB")
