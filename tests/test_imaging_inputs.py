"""What a member reads of a photo: the global view and native windows of the crop."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from idiff.imaging.inputs import crop_tiles, global_input, model_input, tile_boxes
from idiff.imaging.resize import resize
from idiff.types import Box, Size

MEAN, STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)


def picture(height: int, width: int) -> np.ndarray:
    return np.random.default_rng(height * width).integers(0, 256, (height, width, 3), np.uint8)


def test_one_window_is_the_centre() -> None:
    assert tile_boxes(512, 512, 128) == [Box(192, 192, 128, 128)]
    assert tile_boxes(301, 200, 128) == [Box(86, 36, 128, 128)]


def test_windows_lie_on_the_centres_of_the_cells() -> None:
    assert tile_boxes(512, 512, 128, 4) == [Box(x, y, 128, 128) for y in (64, 320) for x in (64, 320)]
    assert [(box.x, box.y) for box in tile_boxes(512, 512, 128, 9)][::4] == [(21, 21), (192, 192), (362, 362)]


def test_windows_of_a_small_crop_overlap_and_stay_inside() -> None:
    assert tile_boxes(140, 128, 128, 4) == [Box(x, 0, 128, 128) for _ in range(2) for x in (0, 12)]


@settings(deadline=None)
@given(st.integers(32, 256), st.integers(0, 400), st.integers(0, 400), st.sampled_from([1, 4, 9]))
def test_windows_are_inside_whole_and_symmetric(side: int, more: int, taller: int, tiles: int) -> None:
    width, height = side + more, side + taller
    boxes = tile_boxes(width, height, side, tiles)
    assert len(boxes) == tiles
    for box, mirror in zip(boxes, reversed(boxes), strict=True):
        assert (box.width, box.height) == (side, side)
        assert 0 <= box.x <= more
        assert 0 <= box.y <= taller
        assert abs(box.x + mirror.x - more) <= 1
        assert abs(box.y + mirror.y - taller) <= 1


@pytest.mark.parametrize("tiles", [0, 2, 3, 5, -4])
def test_other_numbers_of_windows_are_refused(tiles: int) -> None:
    with pytest.raises(ValueError, match="no square grid"):
        tile_boxes(512, 512, 128, tiles)


def test_a_crop_smaller_than_a_window_is_enlarged() -> None:
    view = picture(64, 100)
    enlarged = resize(view, Size(200, 128))
    assert np.array_equal(crop_tiles(view, 128, 4)[1], enlarged[:, 72:])
    with pytest.raises(ValueError, match="holds no window"):
        tile_boxes(100, 64, 128, 4)


@pytest.mark.parametrize("tiles", [1, 4, 9])
def test_tensor_is_the_normalised_views_in_order(tiles: int) -> None:
    whole, crop = picture(90, 160), picture(301, 200)
    tensor = model_input(whole, crop, 96, MEAN, STD, tiles)
    assert tensor.shape == (1 + tiles, 3, 96, 96)
    assert tensor.dtype == np.float32
    assert tensor.flags.c_contiguous
    windows = [crop[box.y : box.y + 96, box.x : box.x + 96] for box in tile_boxes(200, 301, 96, tiles)]
    expected = (np.stack([global_input(whole, 96), *windows]) / 255 - MEAN) / STD
    assert np.allclose(tensor, expected.transpose(0, 3, 1, 2), atol=1e-5)
