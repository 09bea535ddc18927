"""PNG, WebP, TIFF, HEIC and AVIF, by Pillow's own plugins and pillow-heif.

The plugin classes are used directly: `Image.open` would consult process-wide registries and limits.
"""

from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from io import BytesIO

from PIL.AvifImagePlugin import AvifImageFile
from PIL.ImageFile import ImageFile
from PIL.PngImagePlugin import PngImageFile
from PIL.TiffImagePlugin import TiffImageFile
from PIL.WebPImagePlugin import WebPImageFile
from pillow_heif import HeifImageFile

from idiff.imaging import bmff, cicp, exif, notices, tiff
from idiff.imaging.limits import Limits
from idiff.imaging.modes import to_rgb
from idiff.imaging.photo import SRGB, Colour, Photo
from idiff.imaging.quiet import quiet
from idiff.imaging.sniff import Format
from idiff.types import Size

_PLUGINS: dict[Format, type[ImageFile]] = {
    "PNG": PngImageFile,
    "WEBP": WebPImageFile,
    "TIFF": TiffImageFile,
    "HEIF": HeifImageFile,
    "AVIF": AvifImageFile,
}
_MOVING = ("PNG", "WEBP", "AVIF")
_TURNED_BY_DECODER = ("TIFF", "HEIF")
_HEIF_SEQUENCES = (b"hevc", b"hevx", b"msf1")
_NEW_SUBFILE_TYPE = 0x00FE


def inspect_other(data: bytes, kind: Format, limits: Limits) -> None:
    """All that is refused before a pixel is decoded. Raises what `decode_other` does."""
    with _opened(data, kind, limits):
        pass


def decode_other(data: bytes, kind: Format, limits: Limits) -> Photo:
    """Decodes a picture of format `kind`, without its digest.

    Raises `TooManyPixels`, `ImageTooSmall`, `AnimationUnsupported`, `UndecodableImage`, or whatever the codec raises.
    """
    with _opened(data, kind, limits) as (picture, frames):
        picture.load()
        rgb = to_rgb(picture, picture.info.get("icc_profile") or b"", limits.field)
        embedded: bytes = picture.info.get("exif") or b""
    colour, found = rgb.colour, [*rgb.notices]
    points = _code_points(data, kind)
    if points is not None and (colour == SRGB or kind == "PNG"):
        primaries, transfer = cicp.names(*points)
        colour = Colour(primaries=primaries, transfer=transfer)
    if colour.transfer in cicp.HDR_TRANSFERS:
        found.append(notices.hdr_tone_mapped(limits.field))
    if kind in ("HEIF", "AVIF") and bmff.has_gain_map(data):
        found.append(notices.gain_map_ignored(limits.field))
    elif frames > 1 or (kind == "TIFF" and _pages(data) > 1):
        found.append(notices.extra_images_ignored(limits.field))
    return Photo(
        field=limits.field,
        digest="",
        pixels=rgb.pixels,
        orientation=1 if kind in _TURNED_BY_DECODER else exif.orientation(embedded),
        colour=colour,
        notices=tuple(found),
    )


@contextmanager
def _opened(data: bytes, kind: Format, limits: Limits) -> Iterator[tuple[ImageFile, int]]:
    """The picture, its pixels not yet decoded, and how many frames it has."""
    if kind == "HEIF" and data[8:12] in _HEIF_SEQUENCES:
        raise limits.animation()
    # TIFF's plugin remarks on metadata while it decodes, PNG's only while it opens.
    with quiet() if kind == "TIFF" else nullcontext(), _open(data, kind) as picture:
        limits.check(Size(*picture.size))
        frames = getattr(picture, "n_frames", 1) if kind in (*_MOVING, "HEIF") else 1
        if kind in _MOVING and frames > 1:
            raise limits.animation()
        yield picture, frames


def _open(data: bytes, kind: Format) -> ImageFile:
    with quiet() if kind in ("PNG", "AVIF") else nullcontext():
        return _PLUGINS[kind](BytesIO(data))


def _code_points(data: bytes, kind: Format) -> tuple[int, int] | None:
    """Primaries and transfer code points (ITU-T H.273), None where the file names none."""
    if kind in ("HEIF", "AVIF"):
        return bmff.code_points(data)
    if kind == "PNG":  # PNG third edition, 11.3.2.6; the chunk comes before the pixels and overrules a profile.
        at = data.find(b"cICP", 8, max(8, data.find(b"IDAT", 8)))
        return (data[at + 4], data[at + 5]) if at > 0 and at + 6 <= len(data) else None
    return None


def _pages(data: bytes) -> int:
    """Number of full pictures in a TIFF: thumbnails and masks do not count."""
    return sum((tiff.number(tags, _NEW_SUBFILE_TYPE) or 0) & 0b101 == 0 for tags in tiff.directories(data))
