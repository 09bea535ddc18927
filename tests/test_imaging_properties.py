"""Properties that hold for every input: hostile bytes, orientations, resizes, swapped pairs."""

import contextlib

import cv2
import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from imaging_support import encoded, high_efficiency, load, photo, psnr, scene, views_of

from idiff.errors import IdiffError
from idiff.imaging.orientation import stored_box, upright, upright_size
from idiff.imaging.resize import fit, resize
from idiff.imaging.views import global_view
from idiff.types import Box, Size

PICTURE = scene(64, 48)
SEEDS = {
    "JPEG": encoded(PICTURE, "JPEG"),
    "progressive JPEG": encoded(PICTURE, "JPEG", progressive=True),
    "PNG": encoded(PICTURE),
    "WEBP": encoded(PICTURE, "WEBP"),
    "TIFF": encoded(PICTURE, "TIFF"),
    "LZW TIFF": encoded(PICTURE, "TIFF", compression="tiff_lzw"),
    "AVIF": high_efficiency("AVIF", PICTURE),
    "HEIF": high_efficiency("HEIF", PICTURE),
}
MAGIC = [data[:16] for data in SEEDS.values()]
ORIENTATIONS = st.integers(1, 8)
CALM = settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])


@CALM
@given(st.sampled_from([b"", *MAGIC]), st.binary(max_size=400))
def test_random_bytes_raise_nothing_but_refusals(start: bytes, rest: bytes) -> None:
    with contextlib.suppress(IdiffError):
        load(start + rest)


@pytest.mark.parametrize("kind", SEEDS)
@CALM
@given(st.lists(st.tuples(st.floats(0, 1, exclude_max=True), st.integers(0, 255)), min_size=1, max_size=12))
def test_mutated_files_raise_nothing_but_refusals(kind: str, changes: list[tuple[float, int]]) -> None:
    data = bytearray(SEEDS[kind])
    for place, value in changes:
        data[int(place * len(data))] = value
    with contextlib.suppress(IdiffError):
        global_view(load(bytes(data)))


@CALM
@given(st.integers(1, 40), st.integers(1, 40), ORIENTATIONS, st.data())
def test_upright_cut_equals_cut_of_upright(width: int, height: int, orientation: int, draw: st.DataObject) -> None:
    stored = np.arange(width * height * 3, dtype=np.uint32).astype(np.uint8).reshape(height, width, 3)
    whole = upright(stored, orientation)
    size = upright_size(Size(width, height), orientation)
    assert whole.shape == (size.height, size.width, 3)
    x, y = draw.draw(st.integers(0, size.width - 1)), draw.draw(st.integers(0, size.height - 1))
    box = Box(x, y, draw.draw(st.integers(1, size.width - x)), draw.draw(st.integers(1, size.height - y)))
    part = stored_box(box, size, orientation)
    cut = stored[part.y : part.y + part.height, part.x : part.x + part.width]
    expected = whole[box.y : box.y + box.height, box.x : box.x + box.width]
    assert np.array_equal(upright(cut, orientation), expected)


@CALM
@given(st.integers(1, 500), st.integers(1, 500), st.integers(1, 300), st.integers(1, 300), st.integers(0, 255))
def test_resize_gives_the_size_and_keeps_flat_colours(width: int, height: int, w: int, h: int, tone: int) -> None:
    result = resize(np.full((height, width, 3), tone, np.uint8), Size(w, h))
    assert result.shape == (h, w, 3)
    assert (result == tone).all()


@CALM
@given(st.integers(1, 9000), st.integers(1, 9000))
def test_fit_keeps_the_aspect_and_never_enlarges(width: int, height: int) -> None:
    size = fit(Size(width, height))
    assert max(size.width, size.height) == min(1024, max(width, height))
    assert abs(size.width * height - size.height * width) <= max(width, height) or min(size.width, size.height) == 1


def test_large_shrink_is_antialiased() -> None:
    stripes = np.zeros((2001, 3001, 3), np.uint8)
    stripes[:, ::2] = 255
    result = resize(stripes, Size(300, 200))
    assert np.abs(result.astype(int) - 128).max() <= 20
    smooth = np.asarray(cv2.GaussianBlur(scene(1203, 901), (0, 0), 4), np.uint8)
    plain = np.asarray(cv2.resize(smooth, (200, 150), interpolation=cv2.INTER_AREA), np.uint8)
    assert psnr(resize(smooth, Size(200, 150)), plain) > 38


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(
    st.integers(40, 240),
    st.integers(40, 240),
    st.integers(40, 240),
    st.integers(40, 240),
    st.integers(0, 3),
    st.integers(0, 3),
    ORIENTATIONS,
    ORIENTATIONS,
)
def test_swap_mirrors_views_of_any_pair(
    wa: int, ha: int, wb: int, hb: int, seed_a: int, seed_b: int, turn_a: int, turn_b: int
) -> None:
    a = photo(scene(wa, ha, seed_a), "a", orientation=turn_a)
    b = photo(scene(wb, hb, seed_b), "b", orientation=turn_b)
    one, other = views_of(a, b), views_of(b, a)
    for left, right in ((one.a, other.b), (one.b, other.a)):
        assert left.crop_box == right.crop_box
        assert np.array_equal(left.crop_view, right.crop_view)
        box = left.crop_box
        assert box is not None
        assert 0 <= box.x <= box.x + box.width <= left.original.width
        assert 0 <= box.y <= box.y + box.height <= left.original.height
    assert one.a.crop_view.shape == one.b.crop_view.shape
    assert one.crop_method == other.crop_method
    assert one.alignment.same_scene == other.alignment.same_scene
