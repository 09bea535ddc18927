"""What the imaging tests share: synthetic scenes, files made of them, and how far two pictures are apart."""

import io
import struct
import zlib
from functools import cache
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image as Pillow
from pillow_heif import from_pillow

from idiff.imaging.decode import decode
from idiff.imaging.photo import SRGB, Colour, Photo
from idiff.imaging.views import global_view, make_views
from idiff.types import Image, Views

MAX_PIXELS = 100_000_000


@cache
def scene(width: int, height: int, seed: int = 0) -> Image:
    """A picture with structure at every scale: blocks of colour, lines and fine grain."""
    random = np.random.default_rng(seed)
    picture = np.full((height, width, 3), 96, np.uint8)
    for _ in range(120):
        x, y = int(random.integers(0, width)), int(random.integers(0, height))
        w, h = (int(random.integers(2, max(4, side // 5))) for side in (width, height))
        tone = tuple(int(value) for value in random.integers(0, 256, 3))
        if random.random() < 0.6:
            cv2.rectangle(picture, (x, y), (x + w, y + h), tone, -1)
        else:
            cv2.line(picture, (x, y), (x + 2 * w, y - h), tone, 2)
    grain = random.normal(0, 4, picture.shape)
    result = np.clip(picture + grain, 0, 255).astype(np.uint8)
    result.setflags(write=False)
    return result


def encoded(picture: Image | Pillow.Image, kind: str = "PNG", **options: Any) -> bytes:  # noqa: ANN401
    """A picture as a file of Pillow's format `kind`."""
    buffer = io.BytesIO()
    (picture if isinstance(picture, Pillow.Image) else Pillow.fromarray(picture)).save(buffer, kind, **options)
    return buffer.getvalue()


def high_efficiency(kind: str, picture: Image, exif: bytes = b"", **options: int) -> bytes:
    """A picture as HEIC (`HEIF`) or `AVIF`; an orientation in `exif` becomes a rotation property."""
    if kind == "AVIF":
        return encoded(picture, "AVIF", exif=exif, quality=95, subsampling="4:4:4")
    buffer, file = io.BytesIO(), from_pillow(Pillow.fromarray(picture))
    file.info["exif"] = exif or None
    file.save(buffer, quality=95, chroma=444, **options)
    return buffer.getvalue()


def load(data: bytes, field: str = "image_a") -> Photo:
    """A decoded photo within ordinary limits."""
    return decode(data, field, MAX_PIXELS)


def photo(pixels: Image, digest: str, *, orientation: int = 1, colour: Colour = SRGB) -> Photo:
    """A photo without a file."""
    return Photo(f"image_{digest}", digest, pixels, orientation, colour)


def views_of(a: Photo, b: Photo) -> Views:
    """The views of two photos without faces."""
    return make_views(a, b, global_view(a), global_view(b), [], [])


def codes(photo_or_views: Photo | Views) -> list[str]:
    """Codes of the notices."""
    return [notice.code for notice in photo_or_views.notices]


def psnr(one: Image, other: Image) -> float:
    """Peak signal-to-noise ratio, dB."""
    error = np.mean((one.astype(np.float64) - other) ** 2)
    return float("inf") if error == 0 else float(10 * np.log10(255**2 / error))


def warped(picture: Image, matrix: NDArray[np.float64], *, width: int, height: int) -> Image:
    """The picture moved by a 2x3 matrix of pixel-centre coordinates, mirrored where nothing is known."""
    result = cv2.warpAffine(picture, matrix, (width, height), flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REFLECT_101)
    return np.asarray(result, np.uint8)


def chunk(kind: bytes, body: bytes) -> bytes:
    return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))


def png(width: int, height: int, *chunks: bytes) -> bytes:
    """A PNG with the header of an 8-bit RGB picture of any size."""
    header = chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0))
    return b"\x89PNG\r\n\x1a\n" + header + b"".join(chunks) + chunk(b"IEND", b"")


def tiff_with(*tags: tuple[int, int, int, int]) -> bytes:
    """A little-endian TIFF of one directory; tags as (number, type, count, value)."""
    entries = b"".join(struct.pack("<HHII", *tag) for tag in sorted(tags))
    return b"II*\x00" + struct.pack("<IH", 8, len(tags)) + entries + b"\x00" * 64
