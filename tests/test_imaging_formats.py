"""Decoding of the shared format collections; skipped where they are absent."""

import contextlib
import csv
import io
import time
from pathlib import Path

import numpy as np
import pytest
from imaging_support import codes, load, psnr
from PIL import Image as Pillow
from PIL import ImageCms, ImageOps

from idiff.errors import IdiffError
from idiff.imaging.views import global_view

TABLE = Path(__file__).parent / "data" / "formats_odd.csv"
ROWS = {row["file"]: row for row in csv.DictReader(TABLE.read_text().splitlines())}
CHARTS = [f"{gamut}-{part}.jpg" for gamut in ("P3-sRGB", "R2020-sRGB", "R2020-P3") for part in ("color-bars", "red")]
HOPPER = ("hopper.Lab.tif", "hopper.webp", "hopper_orientation_6.webp")


def test_table_lists_every_odd_file(data: Path) -> None:
    assert {file.name for file in (data / "formats" / "odd").iterdir()} == set(ROWS)


@pytest.mark.parametrize("name", ROWS)
def test_odd_file(data: Path, name: str) -> None:
    row, content = ROWS[name], (data / "formats" / "odd" / name).read_bytes()
    if row["outcome"] == "ok":
        photo = load(content)
        assert (photo.size.width, photo.size.height) == (int(row["width"]), int(row["height"]))
        assert codes(photo) == row["notices"].split()
        assert global_view(photo).shape == (photo.size.height, photo.size.width, 3)
    else:
        with pytest.raises(IdiffError) as caught:
            load(content)
        assert caught.value.code == row["outcome"]
        assert caught.value.field == "image_a"
        assert 400 <= caught.value.status < 500


def test_lab_webp_and_turned_webp_show_the_same_portrait(data: Path) -> None:
    views = [global_view(load((data / "formats" / "odd" / name).read_bytes())) for name in HOPPER]
    assert psnr(views[1], views[2]) > 35
    assert psnr(views[0], views[1]) > 25


def test_rotated_avif_is_turned_once(data: Path) -> None:
    file = data / "formats" / "odd" / "abc_color_irot_alpha_irot.avif"
    dark = np.nonzero(global_view(load(file.read_bytes())).min(axis=2) < 128)
    # libavif's picture reads "a b c"; turned by 90 degrees counter-clockwise, its letters stand one above the other.
    assert np.ptp(dark[0]) > 2 * np.ptp(dark[1])


def test_cmyk_jpeg_in_tiff_is_red_on_black(data: Path) -> None:
    strip, tiled = (
        global_view(load((data / "formats" / "odd" / f"tiff_{kind}_cmyk_jpeg.tif").read_bytes()))
        for kind in ("strip", "tiled")
    )
    assert strip[2, 2, 0] > 200
    assert strip[2, 2, 1:].max() < 60
    assert strip[98, 98].max() < 30
    assert psnr(strip, tiled) > 40


@pytest.mark.parametrize("part", range(8))
def test_malformed_file_decodes_or_is_refused_in_time(data: Path, part: int) -> None:
    files = sorted((data / "formats" / "malformed").iterdir())[part::8]
    assert files
    for file in files:
        started = time.perf_counter()
        # Any exception but the base of all refusals fails the test.
        with contextlib.suppress(IdiffError):
            global_view(load(file.read_bytes()))
        assert time.perf_counter() - started < 5, file.name


@pytest.mark.parametrize("shape", ["Landscape", "Portrait"])
def test_orientations_give_the_same_view(data: Path, shape: str) -> None:
    files = [data / "formats" / "orientation" / f"{shape}_{i}.jpg" for i in range(9)]
    photos = [load(file.read_bytes()) for file in files]
    assert [photo.orientation for photo in photos] == [1, *range(1, 9)]
    assert len({photo.size for photo in photos}) == 1
    reference, original = global_view(photos[1]), upright_by_pillow(files[1])
    for photo, file in zip(photos, files, strict=True):
        view = global_view(photo)
        # The set's files were turned and compressed anew: no view may differ by more than the pictures themselves do.
        assert psnr(view, reference) >= psnr(upright_by_pillow(file), original)
        assert np.abs(view.astype(float) - reference).mean() < 2.5


def upright_by_pillow(file: Path) -> np.ndarray:
    """The whole picture, turned by the independent implementation in Pillow."""
    with Pillow.open(file) as picture:
        return np.asarray(ImageOps.exif_transpose(picture))


@pytest.mark.parametrize("name", CHARTS)
def test_wide_gamut_view_equals_full_colour_conversion(data: Path, name: str) -> None:
    content = (data / "formats" / "wide_gamut" / name).read_bytes()
    view = global_view(load(content))
    with Pillow.open(io.BytesIO(content)) as picture:
        raw = np.asarray(picture.convert("RGB"))
        profile = ImageCms.ImageCmsProfile(io.BytesIO(picture.info["icc_profile"]))
        converted = ImageCms.profileToProfile(picture, profile, ImageCms.createProfile("sRGB"))
    assert converted is not None
    assert np.abs(view.astype(int) - np.asarray(converted)).max() <= 2
    assert np.abs(view.astype(int) - raw).max() > 20


@pytest.mark.parametrize("kind", ["jpg", "png"])
def test_rotated_primaries_show_that_the_profile_was_read(data: Path, kind: str) -> None:
    photo = load((data / "formats" / "wide_gamut" / f"rgb-to-gbr-test.{kind}").read_bytes())
    view, stored = global_view(photo).astype(int), photo.pixels.astype(int)
    coloured = np.ptp(stored, axis=2) > 100
    # The profile shows stored red as green, green as blue and blue as red: the channels change places.
    assert np.abs(view[coloured] - stored[coloured][:, [2, 0, 1]]).mean() < 12
    assert np.abs(view[coloured] - stored[coloured]).mean() > 60


@pytest.mark.parametrize(("stem", "expected"), [("Originals_01", ["gain_map_ignored"]), ("Emulated_01_hdr", [])])
def test_gain_map_is_noticed_only_where_the_file_has_one(data: Path, stem: str, expected: list[str]) -> None:
    photo = load((data / "pixel6pro" / f"Ultra_HDR_Samples_{stem}.jpg").read_bytes())
    assert (photo.size.width, photo.size.height) == (4080, 3072)
    assert codes(photo) == expected
    assert (photo.colour.profile is not None) == (stem == "Originals_01")
