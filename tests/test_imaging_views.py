"""Views of pairs: what is cut, where, and that a swap of the photos mirrors everything."""

from collections.abc import Sequence

import cv2
import numpy as np
import pytest
from imaging_support import codes, encoded, load, photo, psnr, scene, views_of, warped

from idiff.errors import ImageTooSmall
from idiff.imaging import CROP_SIDE, GLOBAL_SIDE, align
from idiff.imaging.orientation import stored_box, upright
from idiff.imaging.photo import Colour
from idiff.imaging.views import given_views, global_view, make_views, split
from idiff.types import Box, Image, PhotoViews, Size, Views

WIDE = scene(1400, 1000)


def rotation(degrees: float, scale: float, shift: tuple[float, float], size: Size) -> np.ndarray:
    matrix = cv2.getRotationMatrix2D((size.width / 2, size.height / 2), degrees, scale)
    matrix[:, 2] += shift
    return np.asarray(matrix)


def content(views: PhotoViews, matrix: np.ndarray | None = None) -> np.ndarray:
    """Centre of the crop box in pixel-centre coordinates, moved by `matrix` if given."""
    assert views.crop_box is not None
    box = views.crop_box
    centre = np.array([box.x + (box.width - 1) / 2, box.y + (box.height - 1) / 2])
    return centre if matrix is None else matrix[:, :2] @ centre + matrix[:, 2]


def assert_mirrored(one: Views, other: Views) -> None:
    for left, right in ((one.a, other.b), (one.b, other.a)):
        assert left.crop_box == right.crop_box
        assert left.original == right.original
        assert np.array_equal(left.crop_view, right.crop_view)
        assert np.array_equal(left.global_view, right.global_view)
    assert one.crop_method == other.crop_method
    assert sorted(codes(one)) == sorted(codes(other))
    assert one.alignment.same_scene == other.alignment.same_scene
    assert one.alignment.inliers == other.alignment.inliers
    back = align.compose(other.alignment.matrix, one.alignment.matrix)
    assert np.allclose(back, [[1, 0, 0], [0, 1, 0]], atol=1e-9)


def test_identical_photos_have_identical_views() -> None:
    photo_a, photo_b = load(encoded(WIDE), "image_a"), load(encoded(WIDE), "image_b")
    views = views_of(photo_a, photo_b)
    assert views.alignment.method == "identity"
    assert views.a.crop_box == views.b.crop_box
    assert np.array_equal(views.a.crop_view, views.b.crop_view)
    assert codes(views) == []


def test_crop_is_native_pixels_of_the_box() -> None:
    views = views_of(photo(WIDE, "a"), photo(np.flip(WIDE, 2).copy(), "b"))
    assert views.a.crop_view.shape == (CROP_SIDE, CROP_SIDE, 3)
    box = views.a.crop_box
    assert box is not None
    assert np.array_equal(views.a.crop_view, WIDE[box.y : box.y + box.height, box.x : box.x + box.width])
    assert views.a.global_view.shape[1] == GLOBAL_SIDE


@pytest.mark.parametrize(
    ("degrees", "scale", "shift"),
    [(0, 1, (25, -17)), (3, 1, (10, 10)), (-6, 1.02, (-30, 12)), (2, 0.8, (40, 30)), (1, 1.3, (-20, 5))],
)
@pytest.mark.parametrize("swapped", [False, True])
def test_known_warps_are_recovered(degrees: float, scale: float, shift: tuple[float, float], swapped: bool) -> None:
    size = Size(1400, 1000)
    matrix = rotation(degrees, scale, shift, size)
    first = photo(WIDE, "b" if swapped else "a")
    second = photo(warped(WIDE, matrix, width=1400, height=1000), "a" if swapped else "b")
    views = views_of(first, second)
    assert views.alignment.method == "features"
    corners = np.array([[200.0, 200.0], [1200, 200], [200, 800], [1200, 800], [700, 500]])
    wanted = corners @ matrix[:, :2].T + matrix[:, 2]
    found = align.apply(views.alignment.matrix, (corners + 0.5) / 1400) * 1400 - 0.5
    assert np.abs(found - wanted).max() < 2
    assert np.abs(content(views.a, matrix) - content(views.b)).max() < 2.5
    assert ("resolution_differs" in codes(views)) == (abs(scale - 1) > 0.03)
    assert views.a.crop_view.shape == views.b.crop_view.shape


@pytest.mark.parametrize("sigma", [1.5, 4.0])
def test_blurred_photo_is_aligned_with_a_sharp_one(sigma: float) -> None:
    matrix = rotation(2, 1, (15, -8), Size(1400, 1000))
    blurred = cv2.GaussianBlur(warped(WIDE, matrix, width=1400, height=1000), (0, 0), sigma)
    views = views_of(photo(WIDE, "a"), photo(np.asarray(blurred, np.uint8), "b"))
    assert views.alignment.method == "features"
    assert np.abs(content(views.a, matrix) - content(views.b)).max() < 3


def test_lower_resolution_is_enlarged_to_the_same_content() -> None:
    small = cv2.resize(WIDE, (700, 500), interpolation=cv2.INTER_AREA)
    views = views_of(photo(WIDE, "a"), photo(np.asarray(small, np.uint8), "b"))
    assert views.a.crop_box is not None
    assert views.b.crop_box is not None
    assert views.a.crop_box.width == CROP_SIDE
    assert abs(views.b.crop_box.width - CROP_SIDE / 2) <= 2
    assert views.b.crop_view.shape == views.a.crop_view.shape
    assert psnr(views.a.crop_view, views.b.crop_view) > 18
    assert [(notice.code, notice.field) for notice in views.notices] == [("resolution_differs", "image_b")]


def test_crop_goes_where_detail_and_difference_are() -> None:
    flat = np.full((1000, 1400, 3), 120, np.uint8)
    flat[:, :] = np.clip(np.linspace(100, 140, 1400)[None, :, None], 0, 255).astype(np.uint8)
    rich = flat.copy()
    rich[380:980, 780:1380] = WIDE[:600, :600]
    rich[100:220, 100:220] = WIDE[800:920, 300:420]
    soft = rich.copy()
    soft[380:980, 780:1380] = cv2.GaussianBlur(rich[380:980, 780:1380], (0, 0), 1.2)
    views = views_of(photo(rich, "a"), photo(soft, "b"))
    assert views.crop_method == "detail"
    assert views.alignment.same_scene
    x, y = content(views.a)
    assert 960 < x < 1200
    assert 560 < y < 800


def test_different_scenes_are_told_apart() -> None:
    views = views_of(photo(scene(900, 700, 1), "a"), photo(scene(900, 700, 2), "b"))
    assert not views.alignment.same_scene
    assert views.alignment.method == "failed"
    assert views.crop_method == "centre"
    assert codes(views) == ["not_same_scene"]
    assert np.array_equal(views.alignment.matrix, [[1, 0, 0], [0, 1, 0]])


def test_alike_photos_without_features_fall_back_to_the_centre() -> None:
    ramp = np.repeat(np.linspace(20, 220, 900)[None, :, None], 700, axis=0).repeat(3, axis=2)
    views = views_of(photo(ramp.astype(np.uint8), "a"), photo((ramp * 0.9).astype(np.uint8), "b"))
    assert views.alignment.same_scene
    assert codes(views) == ["alignment_failed"]
    assert views.crop_method == "centre"
    assert views.a.crop_box == views.b.crop_box == Box(194, 94, 512, 512)


def test_flat_photos_count_as_the_same_scene() -> None:
    views = views_of(
        photo(np.full((300, 400, 3), 10, np.uint8), "a"), photo(np.full((300, 400, 3), 240, np.uint8), "b")
    )
    assert views.alignment.same_scene
    assert codes(views) == ["alignment_failed"]


def with_faces(first: Sequence[Box], second: Sequence[Box]) -> Views:
    matrix = rotation(0, 1, (40, 0), Size(1400, 1000))
    photo_a, photo_b = photo(WIDE, "a"), photo(warped(WIDE, matrix, width=1400, height=1000), "b")
    return make_views(photo_a, photo_b, global_view(photo_a), global_view(photo_b), first, second)


def on_global(x: float, y: float, side: float) -> Box:
    scale = GLOBAL_SIDE / 1400
    return Box(round((x - side / 2) * scale), round((y - side / 2) * scale), round(side * scale), round(side * scale))


def test_face_seen_in_both_beats_better_face_seen_in_one() -> None:
    lone, mine, theirs = on_global(1000, 700, 200), on_global(500, 400, 150), on_global(540, 400, 150)
    views = with_faces([lone, mine], [theirs])
    assert views.crop_method == "face"
    assert np.abs(content(views.a) - (500, 400)).max() < 4
    assert np.abs(content(views.b) - (540, 400)).max() < 4


def test_face_seen_in_one_photo_is_enough() -> None:
    views = with_faces([], [on_global(740, 500, 150)])
    assert views.crop_method == "face"
    assert np.abs(content(views.a) - (700, 500)).max() < 4


def test_face_outside_the_other_photo_is_passed_over() -> None:
    assert with_faces([on_global(1385, 500, 20)], []).crop_method == "detail"


def test_face_at_the_edge_keeps_the_box_inside() -> None:
    views = with_faces([on_global(60, 60, 100)], [on_global(100, 60, 100)])
    assert views.crop_method == "face"
    assert views.a.crop_box == Box(0, 0, 512, 512)
    assert np.abs(content(views.b) - content(views.a) - (40, 0)).max() < 2.5


@pytest.mark.parametrize("scale", [1.0, 0.7])
def test_swapping_the_photos_mirrors_the_views(scale: float) -> None:
    matrix = rotation(4, scale, (12, -9), Size(1400, 1000))
    photo_a, photo_b = photo(WIDE, "a"), photo(warped(WIDE, matrix, width=1300, height=1000), "b")
    global_a, global_b = global_view(photo_a), global_view(photo_b)
    for faces_a, faces_b in (([], []), ([on_global(700, 400, 100)], []), ([Box(9, 9, 9, 9)], [Box(500, 400, 90, 99)])):
        one = make_views(photo_a, photo_b, global_a, global_b, faces_a, faces_b)
        assert_mirrored(one, make_views(photo_b, photo_a, global_b, global_a, faces_b, faces_a))


@pytest.mark.parametrize("orientation", range(1, 9))
def test_views_do_not_depend_on_how_the_file_stores_the_picture(orientation: int) -> None:
    other = np.clip(WIDE.astype(int) + 12, 0, 255).astype(np.uint8)
    plain = views_of(photo(WIDE, "a"), photo(other, "b"))
    inverse = (1, 2, 3, 4, 5, 8, 7, 6)[orientation - 1]
    turned = views_of(photo(upright(WIDE, inverse), "a", orientation=orientation), photo(other, "b"))
    assert turned.a.original == plain.a.original
    assert turned.a.crop_box == plain.a.crop_box
    assert np.array_equal(turned.a.crop_view, plain.a.crop_view)
    assert psnr(turned.a.global_view, plain.a.global_view) > 45


def test_colour_is_converted_on_the_views() -> None:
    wide = Colour(primaries="display-p3")
    views = views_of(photo(WIDE, "a", colour=wide), photo(WIDE, "b"))
    assert not np.array_equal(views.a.crop_view, views.b.crop_view)
    grey = np.full((300, 300, 3), 77, np.uint8)
    assert np.array_equal(global_view(photo(grey, "g", colour=wide)), grey)


def test_small_photos_get_smaller_crops_and_a_notice() -> None:
    small = scene(300, 200, 5)
    views = views_of(photo(small, "a"), photo(255 - small, "b"))
    assert views.a.crop_view.shape == views.b.crop_view.shape == (200, 200, 3)
    assert [notice.field for notice in views.notices if notice.code == "low_resolution"] == ["image_a", "image_b"]
    tiny = views_of(photo(small[:16, :16], "a"), photo(small[:16, 20:400], "b"))
    assert tiny.a.crop_view.shape == tiny.b.crop_view.shape
    assert min(tiny.a.crop_view.shape[:2]) >= 1


def test_extreme_aspect_ratios() -> None:
    views = views_of(photo(scene(3000, 16, 1), "a"), photo(scene(16, 3000, 2), "b"))
    assert views.a.crop_view.shape == views.b.crop_view.shape == (16, 16, 3)


def merged(left: Image, right: Image, gap: int = 0) -> Image:
    return np.hstack([left, np.zeros((len(left), gap, 3), np.uint8), right])


def test_split_halves_and_drops_an_odd_centre_column() -> None:
    left, right = scene(200, 150, 1), scene(200, 150, 2)
    for gap in (0, 1):
        halves = split(photo(merged(left, right, gap), "m"))
        assert [np.array_equal(half.pixels, side) for half, side in zip(halves, (left, right), strict=True)] == [
            True
        ] * 2
        assert len({half.digest for half in halves}) == 2


def test_split_digests_name_the_content() -> None:
    left, right = scene(200, 150, 1), scene(200, 150, 2)
    one, other = split(photo(merged(left, right), "m")), split(photo(merged(right, left), "n"))
    assert [half.digest for half in one] == [half.digest for half in reversed(other)]
    same = split(photo(merged(left, left), "s"))
    assert same[0].digest == same[1].digest
    assert split(photo(merged(left, left), "s", colour=Colour(primaries="bt2020")))[0].digest != same[0].digest


@pytest.mark.parametrize("orientation", range(1, 9))
def test_split_is_upright(orientation: int) -> None:
    left, right = scene(200, 150, 1), scene(200, 150, 2)
    inverse = (1, 2, 3, 4, 5, 8, 7, 6)[orientation - 1]
    halves = split(photo(upright(merged(left, right), inverse), "m", orientation=orientation))
    assert [np.array_equal(global_view(half), side) for half, side in zip(halves, (left, right), strict=True)] == [
        True
    ] * 2


def test_split_refuses_halves_that_are_too_narrow() -> None:
    with pytest.raises(ImageTooSmall):
        split(photo(scene(31, 100), "m"))


def test_given_crops_are_used_as_they_are() -> None:
    other = np.clip(WIDE.astype(int) - 20, 0, 255).astype(np.uint8)
    photo_a, photo_b = photo(WIDE, "a"), photo(other, "b")
    crop_a, crop_b = photo(WIDE[100:400, 100:500], "c"), photo(scene(2048, 1024, 3), "d")
    views = given_views(photo_a, photo_b, crop_a, crop_b, global_view(photo_a), global_view(photo_b))
    assert views.crop_method == "given"
    assert views.a.crop_box is None
    assert np.array_equal(views.a.crop_view, WIDE[100:400, 100:500])
    assert views.b.crop_view.shape == (512, 1024, 3)
    assert views.alignment.same_scene
    assert codes(views) == []
    mirrored = given_views(photo_b, photo_a, crop_b, crop_a, global_view(photo_b), global_view(photo_a))
    assert_mirrored(views, mirrored)


def test_given_crops_of_different_scenes_are_flagged() -> None:
    photo_a, photo_b = photo(scene(900, 700, 1), "a"), photo(scene(900, 700, 2), "b")
    views = given_views(photo_a, photo_b, photo_a, photo_b, global_view(photo_a), global_view(photo_b))
    assert codes(views) == ["not_same_scene"]


def test_stored_box_of_a_cut() -> None:
    assert stored_box(Box(1, 2, 3, 4), Size(10, 20), 6) == Box(2, 6, 4, 3)
