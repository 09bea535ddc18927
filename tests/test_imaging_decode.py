"""Decoding of pictures made here: depth, inks, transparency, colour, orientation."""

import struct
import warnings
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import cv2
import numpy as np
import pytest
from imaging_support import chunk, codes, encoded, high_efficiency, load, psnr, scene, tiff_with
from PIL import Image as Pillow
from PIL import ImageCms, ImageOps

from idiff.imaging import bmff
from idiff.imaging.photo import SRGB
from idiff.imaging.views import global_view
from idiff.types import Image

PICTURE = scene(96, 64)
RAMP = np.tile(np.linspace(0, 65535, 64).astype(np.uint16), (32, 1))
FORMATS: dict[str, dict[str, Any]] = {
    "JPEG": {"quality": 95, "subsampling": 0},
    "PNG": {},
    "WEBP": {"lossless": True},
    "TIFF": {},
}


def exif_of(orientation: int) -> Pillow.Exif:
    exif = Pillow.Exif()
    exif[0x0112] = orientation
    return exif


def turned(picture: Image, orientation: int) -> Image:
    """What an EXIF orientation makes of a stored picture, by the independent implementation in Pillow."""
    tagged = Pillow.fromarray(picture)
    tagged.getexif()[0x0112] = orientation
    return np.asarray(ImageOps.exif_transpose(tagged), np.uint8)


def with_cicp(data: bytes, primaries: int, transfer: int) -> bytes:
    """A PNG with a cICP chunk after its header."""
    return data[:33] + chunk(b"cICP", bytes((primaries, transfer, 0, 1))) + data[33:]


@pytest.mark.parametrize("kind", FORMATS)
def test_formats(kind: str) -> None:
    photo = load(encoded(PICTURE, kind, **FORMATS[kind]))
    assert photo.field == "image_a"
    assert len(photo.digest) == 64
    assert photo.pixels.dtype == np.uint8
    assert codes(photo) == []
    assert psnr(global_view(photo), PICTURE) > (35 if kind == "JPEG" else 99)


@pytest.mark.parametrize("kind", ["HEIF", "AVIF"])
def test_high_efficiency_formats(kind: str) -> None:
    photo = load(high_efficiency(kind, PICTURE))
    assert codes(photo) == []
    assert psnr(global_view(photo), PICTURE) > 30


@pytest.mark.parametrize("kind", FORMATS)
@pytest.mark.parametrize("orientation", range(1, 9))
def test_orientation_tag_is_honoured(kind: str, orientation: int) -> None:
    undone_by = (1, 2, 3, 4, 5, 8, 7, 6)
    stored = turned(PICTURE, undone_by[orientation - 1])
    data = encoded(stored, kind, exif=exif_of(orientation), **FORMATS[kind])
    assert psnr(global_view(load(data)), PICTURE) > 30


@pytest.mark.parametrize("kind", ["HEIF", "AVIF"])
@pytest.mark.parametrize("orientation", range(1, 9))
def test_rotation_property_is_applied_once(kind: str, orientation: int) -> None:
    data = high_efficiency(kind, PICTURE, exif_of(orientation).tobytes())
    assert (b"irot" in data or b"imir" in data) == (orientation > 1)
    assert psnr(global_view(load(data)), turned(PICTURE, orientation)) > 28


def test_bad_exif_is_tolerated() -> None:
    for exif in (
        b"Exif\x00\x00",
        b"Exif\x00\x00II*\x00\xff\xff\xff\xff",
        b"Exif\x00\x00MM\x00*\x00\x00\x00\x08\xff\xff",
    ):
        assert load(encoded(PICTURE, "JPEG", exif=exif)).orientation == 1
    assert load(encoded(PICTURE, "JPEG", exif=exif_of(9))).orientation == 1


@pytest.mark.parametrize("kind", ["PNG", "TIFF"])
def test_sixteen_bit_grey_is_scaled(kind: str) -> None:
    view = global_view(load(encoded(Pillow.fromarray(RAMP), kind)))
    assert np.abs(view[..., 0] - RAMP / 257).max() <= 0.51
    assert (view[..., 0] == view[..., 2]).all()


@pytest.mark.parametrize("extension", [".png", ".tiff"])
def test_sixteen_bit_colour_is_scaled(extension: str) -> None:
    deep = np.dstack([RAMP, RAMP[:, ::-1], np.full_like(RAMP, 32768)])
    written, data = cv2.imencode(extension, deep[..., ::-1])
    assert written
    assert np.abs(global_view(load(data.tobytes())) - deep / 257).max() <= 1


@pytest.mark.parametrize(
    ("bits", "photometric", "tone"), [(8, 0, 64), (8, 1, 191), (12, 1, 191), (16, 0, 64), (16, 1, 191)]
)
def test_grey_tiff_by_depth_and_by_what_zero_means(bits: int, photometric: int, tone: int) -> None:
    level = (2**bits - 1) * 3 // 4
    rows = f"{level:0{bits}b}" * 32 * 32
    pixels = int(rows, 2).to_bytes(32 * 32 * bits // 8, "big")
    if bits == 16:
        pixels = np.frombuffer(pixels, ">u2").astype("<u2").tobytes()
    tags = ((256, 32), (257, 32), (258, bits), (259, 1), (262, photometric), (273, 200), (277, 1), (278, 32))
    header = tiff_with(*((tag, 4, 1, value) for tag, value in tags), (279, 4, 1, len(pixels)))
    assert (global_view(load(header[:200].ljust(200, b"\0") + pixels)) == tone).all()


@pytest.mark.parametrize("kind", ["JPEG", "TIFF"])
def test_cmyk_without_profile(kind: str) -> None:
    photo = load(encoded(Pillow.new("CMYK", (32, 32), (0, 255, 255, 0)), kind))
    assert codes(photo) == ["profile_missing"]
    red, green, blue = global_view(photo)[16, 16]
    assert red > 240
    assert max(green, blue) < 15


def test_cmyk_with_an_rgb_profile_is_approximated() -> None:
    srgb = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    photo = load(encoded(Pillow.new("CMYK", (32, 32), (255, 0, 0, 0)), "JPEG", icc_profile=srgb))
    assert codes(photo) == ["profile_missing"]
    assert photo.colour == SRGB


def test_grey_palette_and_bilevel_pictures() -> None:
    grey = Pillow.fromarray(PICTURE).convert("L")
    assert psnr(global_view(load(encoded(grey, "PNG")))[..., 1], np.asarray(grey)) > 99
    assert psnr(global_view(load(encoded(grey, "JPEG", quality=95)))[..., 1], np.asarray(grey)) > 35
    palette = Pillow.fromarray(PICTURE).quantize(64)
    assert psnr(global_view(load(encoded(palette, "PNG"))), np.asarray(palette.convert("RGB"))) > 99
    bilevel = grey.convert("1")
    assert set(np.unique(global_view(load(encoded(bilevel, "PNG"))))) == {0, 255}


def test_transparency_is_laid_on_white() -> None:
    picture = Pillow.fromarray(PICTURE).convert("RGBA")
    picture.putalpha(Pillow.fromarray(np.repeat(np.array([[0], [255]], np.uint8), 32, axis=0).repeat(96, axis=1)))
    for kind in ("PNG", "WEBP"):
        options = {"lossless": True} if kind == "WEBP" else {}
        photo = load(encoded(picture, kind, **options))
        assert codes(photo) == ["alpha_composited"]
        assert (global_view(photo)[:32] == 255).all()
        assert (global_view(photo)[32:] == PICTURE[32:]).all()


def test_opaque_alpha_needs_no_notice() -> None:
    assert codes(load(encoded(Pillow.fromarray(PICTURE).convert("RGBA"), "PNG"))) == []


def test_transparent_palette_entry() -> None:
    picture = Pillow.fromarray(np.zeros((32, 32), np.uint8), "P")
    picture.putpalette([10, 200, 30] * 256)
    photo = load(encoded(picture, "PNG", transparency=0))
    assert codes(photo) == ["alpha_composited"]
    assert (global_view(photo) == 255).all()


def test_broken_profile_is_noticed() -> None:
    for kind in ("JPEG", "PNG"):
        photo = load(encoded(PICTURE, kind, icc_profile=b"not a profile at all" * 20))
        assert codes(photo) == ["profile_invalid"]
        assert photo.colour == SRGB


def test_srgb_profile_changes_nothing() -> None:
    srgb = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    photo = load(encoded(PICTURE, "PNG", icc_profile=srgb))
    assert (global_view(photo) == PICTURE).all()


def test_display_p3_by_code_points() -> None:
    red = np.full((32, 32, 3), (234, 51, 35), np.uint8)
    view = global_view(load(with_cicp(encoded(red), 12, 13)))
    # (234, 51, 35) is sRGB's pure red in Display P3.
    assert np.abs(view.astype(int) - (255, 0, 0)).max() <= 3


@pytest.mark.parametrize(("primaries", "transfer", "red"), [(12, 13, (234, 51, 35)), (1, 13, (255, 0, 0))])
def test_heic_code_points_of_the_primary_picture(primaries: int, transfer: int, red: tuple[int, int, int]) -> None:
    points = {"color_primaries": primaries, "transfer_characteristics": transfer, "matrix_coefficients": 6}
    data = high_efficiency("HEIF", np.full((64, 64, 3), red, np.uint8), full_range_flag=1, **points)
    assert bmff.code_points(data) == (primaries, transfer)
    # Video quantisation of the chroma leaves a few levels.
    assert np.abs(global_view(load(data)).astype(int) - (255, 0, 0)).max() <= 8


@pytest.mark.parametrize(("transfer", "reference"), [(16, 148), (18, 192)])
def test_hdr_is_tone_mapped(transfer: int, reference: int) -> None:
    ramp = np.repeat(np.tile(np.arange(256, dtype=np.uint8), (16, 1))[..., None], 3, axis=2)
    photo = load(with_cicp(encoded(ramp), 9, transfer))
    assert codes(photo) == ["hdr_tone_mapped"]
    tones = global_view(photo)[0].astype(int)
    assert (np.diff(tones, axis=0) >= 0).all()
    assert tones[0].max() == 0
    assert np.ptp(tones, axis=1).max() <= 1
    # Diffuse white (203 cd/m2: 58 % of PQ, 75 % of HLG) stays bright and leaves room for highlights.
    assert 225 <= tones[reference, 0] <= 245
    assert tones[255, 0] >= 250


def test_extra_pages_and_thumbnails_of_tiff() -> None:
    first, second = Pillow.fromarray(PICTURE), Pillow.fromarray(PICTURE[::-1].copy())
    photo = load(encoded(first, "TIFF", save_all=True, append_images=[second]))
    assert codes(photo) == ["extra_images_ignored"]
    assert (global_view(photo) == PICTURE).all()


def test_stray_bytes_that_do_no_harm_are_tolerated() -> None:
    data = encoded(PICTURE, "JPEG", quality=95, subsampling=0)
    photo = load(data[:-2] + b"\x00\x01\x02" + data[-2:] + b"appended by a phone")
    assert psnr(global_view(photo), PICTURE) > 35


def test_a_video_after_the_picture_is_ignored() -> None:
    data = encoded(PICTURE, "JPEG", quality=95, subsampling=0)
    assert psnr(global_view(load(data + b"\x00ftypmp42" + b"\xff\xda\x00\x07" * 9999)), PICTURE) > 35


def test_threads_decode_alike() -> None:
    files = [encoded(PICTURE, kind, **options) for kind, options in FORMATS.items()] * 6
    files += [encoded(Pillow.fromarray(PICTURE).convert("CMYK"), kind) for kind in ("JPEG", "TIFF")] * 6
    filters = list(warnings.filters)
    with ThreadPoolExecutor(4) as pool:
        views = list(pool.map(lambda data: global_view(load(data)), files))
    assert all(np.array_equal(view, global_view(load(data))) for view, data in zip(views, files, strict=True))
    assert list(warnings.filters) == filters


def test_grey_profile_is_honoured_or_noticed() -> None:
    # An ICC v2 grey profile of gamma 1.0, built from its three required tags (ICC.1:2001-04, 6.3.1.1).
    white, curve = (
        b"XYZ " + bytes(4) + struct.pack(">iii", 63190, 65536, 54061),
        b"curv" + bytes(4) + struct.pack(">I", 0),
    )
    text = b"desc" + bytes(4) + struct.pack(">I", 5) + b"grey\0" + bytes(80)
    offset, table, body = 128 + 4 + 3 * 12, b"", b""
    for name, value in ((b"wtpt", white), (b"kTRC", curve), (b"desc", text)):
        padded = value + bytes(-len(value) % 4)
        table += name + struct.pack(">II", offset + len(body), len(value))
        body += padded
    size = struct.pack(">I", offset + len(body))
    header = size + b"lcms" + b"\x02\x10\0\0" + b"mntrGRAYXYZ " + struct.pack(">6H", 2026, 1, 1, 0, 0, 0) + b"acsp"
    header += bytes(28) + struct.pack(">iii", 63190, 65536, 54061)
    profile = header.ljust(128, b"\0") + struct.pack(">I", 3) + table + body
    grey = Pillow.new("L", (32, 32), 55)
    for kind in ("PNG", "JPEG"):
        photo = load(encoded(grey, kind, icc_profile=profile))
        assert codes(photo) == []
        # 55 of 255 in linear light is 0.2157, which sRGB encodes as 128.
        assert np.abs(global_view(photo).astype(int) - 128).max() <= 2
        broken = load(encoded(grey, kind, icc_profile=profile[: offset - 20]))
        assert codes(broken) == ["profile_invalid"]
        assert (global_view(broken) == 55).all()
