"""Pictures that must be refused, each with the error that says why."""

import struct
import zlib
from typing import Any

import numpy as np
import pytest
from imaging_support import MAX_PIXELS, chunk, encoded, high_efficiency, load, png, scene, tiff_with
from PIL import Image as Pillow

from idiff.errors import (
    AnimationUnsupported,
    ImageTooSmall,
    RawUnsupported,
    TooManyPixels,
    UndecodableImage,
    UnsupportedImage,
)
from idiff.imaging.decode import decode

PICTURE = scene(96, 64)

FORMATS: dict[str, dict[str, Any]] = {
    "JPEG": {"quality": 95, "subsampling": 0},
    "PNG": {},
    "WEBP": {"lossless": True},
    "TIFF": {},
}


def test_thirty_two_bit_samples_are_refused() -> None:
    with pytest.raises(UndecodableImage, match="8 or 16 bits"):
        load(encoded(Pillow.fromarray(np.zeros((32, 32), np.float32)), "TIFF"))


@pytest.mark.parametrize("kind", ["PNG", "WEBP", "AVIF"])
def test_animation_is_refused(kind: str) -> None:
    frames = [Pillow.fromarray(scene(64, 48, seed)) for seed in (1, 2)]
    with pytest.raises(AnimationUnsupported, match="one frame"):
        load(encoded(frames[0], kind, save_all=True, append_images=frames[1:], duration=100))


@pytest.mark.parametrize("kind", ["GIF", "BMP", "ICO", "PPM", "JPEG2000"])
def test_other_formats_are_refused(kind: str) -> None:
    with pytest.raises(UnsupportedImage, match="Send JPEG, PNG"):
        load(encoded(PICTURE, kind))


@pytest.mark.parametrize(
    "data", [b"", b"\x00", b"hello", b"<html></html>" * 99, b"\xff\xd8", b"RIFF\x00\x00\x00\x00WAVE"]
)
def test_no_picture_at_all(data: bytes) -> None:
    with pytest.raises(UnsupportedImage):
        load(data)


@pytest.mark.parametrize(
    ("data", "name"),
    [
        (b"FUJIFILMCCD-RAW 0201", "RAF"),
        (b"IIRO\x08\x00\x00\x00" + b"\x00" * 64, "ORF"),
        (b"IIU\x00\x18\x00\x00\x00" + b"\x00" * 64, "RW2"),
        (b"\x00\x00\x00\x18ftypcrx \x00\x00\x00\x01crx isom" + b"\x00" * 64, "CR3"),
        (b"II*\x00\x10\x00\x00\x00CR\x02\x00" + b"\x00" * 64, "CR2"),
        (tiff_with((0xC612, 1, 4, 0x0401), (0x0106, 3, 1, 2)), "DNG"),
        (tiff_with((0x0103, 3, 1, 34713), (0x0106, 3, 1, 32803)), "NEF"),
        (tiff_with((0x0103, 3, 1, 32767), (0x0106, 3, 1, 32803)), "ARW"),
        (tiff_with((0x0103, 3, 1, 65535), (0x0106, 3, 1, 32803)), "PEF"),
        (tiff_with((0x0103, 3, 1, 1), (0x0106, 3, 1, 32803)), "camera RAW"),
    ],
)
def test_camera_raw_is_refused_with_advice(data: bytes, name: str) -> None:
    with pytest.raises(RawUnsupported, match=f"{name}.*send JPEG"):
        load(data)


@pytest.mark.parametrize("kind", [*FORMATS, "AVIF", "HEIF"])
@pytest.mark.parametrize("share", [0.3, 0.6, 0.95])
def test_truncated_files_are_refused(kind: str, share: float) -> None:
    whole = scene(200, 150)
    data = encoded(whole, kind, **FORMATS[kind]) if kind in FORMATS else high_efficiency(kind, whole)
    with pytest.raises(UndecodableImage):
        load(data[: int(len(data) * share)])


@pytest.mark.parametrize("progressive", [False, True])
def test_truncated_jpeg_is_not_half_grey(progressive: bool) -> None:
    data = encoded(scene(400, 300), "JPEG", quality=90, progressive=progressive)
    for cut in (len(data) // 2, len(data) - 200, len(data) - 20):
        with pytest.raises(UndecodableImage, match="truncated"):
            load(data[:cut])


def test_bombs_are_refused_by_their_header() -> None:
    with pytest.raises(TooManyPixels) as caught:
        load(png(60000, 60000, chunk(b"IDAT", zlib.compress(b""))))
    assert caught.value.limit == MAX_PIXELS
    assert "60000 x 60000" in caught.value.message
    jpeg = bytearray(encoded(PICTURE, "JPEG"))
    frame = jpeg.index(b"\xff\xc0")
    jpeg[frame + 5 : frame + 9] = struct.pack(">HH", 65000, 65000)
    with pytest.raises(TooManyPixels):
        load(bytes(jpeg))
    for kind in ("WEBP", "TIFF", "AVIF"):
        with pytest.raises(TooManyPixels):
            decode(encoded(PICTURE, kind), "image_b", 96 * 64 - 1)
    assert decode(encoded(PICTURE), "image_b", 96 * 64).size.width == 96


def test_empty_scans_are_refused() -> None:
    data = encoded(PICTURE, "JPEG", progressive=True)
    scan = data.index(b"\xff\xda")
    with pytest.raises(UndecodableImage, match="scans"):
        load(data[:scan] + data[scan : scan + 12] * 5000 + data[scan:])


def test_tiny_pictures_are_refused() -> None:
    with pytest.raises(ImageTooSmall) as caught:
        load(encoded(PICTURE[:15]))
    assert caught.value.limit == 16
    assert load(encoded(PICTURE[:16, :16])).size.height == 16
