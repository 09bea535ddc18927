"""JPEG: header by our own reader, pixels by libjpeg-turbo, which releases the GIL; Pillow for what that cannot take."""

from io import BytesIO

import simplejpeg
from PIL.JpegImagePlugin import JpegImageFile

from idiff.imaging import colour, exif, notices
from idiff.imaging.jpeg import JpegHeader, read_header
from idiff.imaging.limits import Limits
from idiff.imaging.modes import Rgb, to_rgb
from idiff.imaging.photo import SRGB, Colour, Photo
from idiff.imaging.quiet import quiet
from idiff.types import Image, Notice, Size

_MAX_SCANS = 128
"""A progressive JPEG has about ten; thousands of empty ones are an attack on the decoder's time."""

_HARMLESS = ("extraneous bytes", "unknown JFIF revision", "Unknown Adobe color transform")


def inspect_jpeg(data: bytes, limits: Limits) -> JpegHeader:
    """The header. Raises `TooManyPixels`, `ImageTooSmall` or `UndecodableImage`."""
    header = read_header(data)
    if header is None:
        raise limits.undecodable("it is a JPEG without a picture, truncated or corrupt")
    limits.check(Size(header.width, header.height))
    if header.scans > _MAX_SCANS:
        raise limits.undecodable(f"it has {header.scans} scans, more than any camera or editor writes")
    return header


def decode_jpeg(data: bytes, limits: Limits) -> Photo:
    """Decodes a JPEG, without its digest. Raises what `inspect_jpeg` does."""
    header = inspect_jpeg(data, limits)
    rgb = _grey_or_rgb(data, header, limits) if header.precision == 8 and header.components in (1, 3) else None
    if rgb is None:
        rgb = _by_pillow(data, header, limits)
    return Photo(
        field=limits.field,
        digest="",
        pixels=rgb.pixels,
        orientation=exif.orientation(header.exif),
        colour=rgb.colour,
        notices=(*_about(header, limits.field), *rgb.notices),
    )


def _grey_or_rgb(data: bytes, header: JpegHeader, limits: Limits) -> Rgb | None:
    """The common case; None where Pillow has to take over."""
    if header.components == 1 and colour.space(header.profile) == "GRAY":
        return None
    try:
        pixels: Image = simplejpeg.decode_jpeg(data)
    except ValueError as error:
        if any(remark in str(error) for remark in _HARMLESS):
            return None
        raise limits.undecodable("it is truncated or corrupt") from error
    if not header.profile:
        camera = Colour(primaries="adobe-rgb", transfer="gamma22") if exif.is_adobe_rgb(header.exif) else SRGB
        return Rgb(pixels, camera, ())
    if colour.space(header.profile) == "RGB" and colour.usable(header.profile):
        return Rgb(pixels, Colour(profile=header.profile), ())
    return Rgb(pixels, SRGB, (notices.profile_invalid(limits.field),))


def _by_pillow(data: bytes, header: JpegHeader, limits: Limits) -> Rgb:
    """CMYK, profiled grey, and files with oddities that do no harm; Pillow still refuses truncated ones."""
    with quiet():
        opened = JpegImageFile(BytesIO(data))
    with opened as picture:
        picture.load()
        return to_rgb(picture, header.profile, limits.field)


def _about(header: JpegHeader, field: str) -> tuple[Notice, ...]:
    if header.gain_map:
        return (notices.gain_map_ignored(field),)
    return (notices.extra_images_ignored(field),) if header.extra_images else ()
