"""Small real photographs in every format that the service takes, with EXIF and a colour profile inside."""

import io
from collections.abc import Mapping
from functools import cache
from typing import Any, Final

from conftest import SAMPLES
from PIL import Image, ImageCms
from pillow_heif import from_pillow

WAYS: Final[Mapping[str, tuple[str, int, dict[str, Any]]]] = {
    "JPEG": ("JPEG", 320, {"quality": 85}),
    "JPEG progressive": ("JPEG", 240, {"quality": 90, "progressive": True, "subsampling": 0}),
    "PNG": ("PNG", 160, {}),
    "WebP": ("WEBP", 320, {"quality": 80}),
    "WebP lossless": ("WEBP", 160, {"lossless": True, "method": 0}),
    "TIFF": ("TIFF", 160, {}),
    "TIFF deflate": ("TIFF", 192, {"compression": "tiff_adobe_deflate", "exif": b""}),  # libtiff writes no EXIF
    "AVIF": ("AVIF", 256, {"quality": 80, "speed": 9}),
    "HEIC": ("HEIC", 256, {"quality": 80}),
}
"""Pillow's format, long side in pixels and encoder options, by name."""


@cache
def photographs(sample: str) -> Mapping[str, bytes]:
    """The sample `a` or `b` as a file made in each of the `WAYS`."""
    whole = Image.open(SAMPLES / f"astronaut_{sample}.jpg")
    metadata = {"exif": _exif(), "icc_profile": ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()}
    return {name: _file(whole, kind, side, metadata | options) for name, (kind, side, options) in WAYS.items()}


def _file(whole: Image.Image, kind: str, side: int, options: dict[str, Any]) -> bytes:
    small, buffer = whole.resize((side, side * whole.height // whole.width)), io.BytesIO()
    if kind != "HEIC":
        small.save(buffer, kind, **options)
        return buffer.getvalue()
    heic = from_pillow(small)
    heic.info.update({name: options.pop(name) for name in ("exif", "icc_profile")})
    heic.save(buffer, **options)
    return buffer.getvalue()


def _exif() -> bytes:
    exif = Image.Exif()
    exif[0x0112] = 1  # orientation
    exif[0x010F] = "Camera"
    exif.get_ifd(0x8769).update({0xA001: 1, 0x9003: "2024:05:06 07:08:09"})
    exif.get_ifd(0x8825).update({1: "N", 2: (47.0, 22.0, 1.0)})
    return exif.tobytes()
