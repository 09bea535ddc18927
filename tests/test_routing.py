"""Routing: faces are found where people are, and the pair's category does not depend on the photos' order."""

import csv
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import cv2
import numpy as np
import pytest
from conftest import ROOT, pixels
from hypothesis import given
from hypothesis import strategies as st

from idiff.answer.faces import Face, FaceDetector
from idiff.answer.routing import SCENE_WITHOUT_FACE, route
from idiff.imaging.resize import fit, resize
from idiff.types import Box, Image, Size

LABELS = ROOT / "models" / "idiff_models" / "evaluate" / "photo_categories.csv"

boxes = st.builds(Box, st.integers(0, 900), st.integers(0, 900), st.integers(24, 900), st.integers(24, 900))
found = st.lists(st.builds(Face, boxes, st.floats(0.5, 1)), max_size=4).map(tuple)


@pytest.fixture(scope="module")
def detector() -> FaceDetector:
    return FaceDetector()


def photo(path: Path) -> Image:
    image = pixels(path.read_bytes())
    return resize(image, fit(Size(image.shape[1], image.shape[0])))


def rendered(kind: str) -> Image:
    """Pictures without a face: plain, noise, stripes, a chequerboard, a gradient."""
    y, x = np.mgrid[0:512, 0:768]
    values = {
        "plain": np.full((512, 768), 128),
        "noise": np.random.default_rng(7).integers(0, 256, (512, 768)),
        "stripes": 255 * (x // 24 % 2),
        "chequers": 255 * ((x // 48 + y // 48) % 2),
        "gradient": x / 3,
    }[kind]
    return np.repeat(values.astype(np.uint8)[..., None], 3, axis=2)


@pytest.mark.parametrize("side", [0, 1])
def test_finds_the_astronaut(detector: FaceDetector, pair: tuple[bytes, bytes], side: int) -> None:
    image = pixels(pair[side])
    view = resize(image, fit(Size(image.shape[1], image.shape[0])))
    best = detector.detect(view)[0]
    height, width = view.shape[:2]
    # Her face is centred at 43 % of the width and 23 % of the height of the portrait.
    assert best.box.x < 0.43 * width < best.box.x + best.box.width
    assert best.box.y < 0.23 * height < best.box.y + best.box.height
    assert 0.1 * width < best.box.width < 0.4 * width
    assert best.confidence > 0.9


@pytest.mark.parametrize("kind", ["plain", "noise", "stripes", "chequers", "gradient"])
def test_rendered_pictures_have_no_face(detector: FaceDetector, kind: str) -> None:
    assert detector.detect(rendered(kind)) == ()


@pytest.mark.parametrize("shape", [(1, 1, 3), (8, 900, 3), (23, 23, 3), (900, 40, 3)])
def test_any_size_is_accepted(detector: FaceDetector, shape: tuple[int, int, int]) -> None:
    assert detector.detect(np.full(shape, 90, np.uint8)) == ()


def test_boxes_lie_within_the_view(detector: FaceDetector, pair: tuple[bytes, bytes]) -> None:
    """Her face cut at the picture's edge."""
    image = pixels(pair[0])
    height, width = image.shape[:2]
    view = np.ascontiguousarray(image[round(0.08 * height) :, round(0.34 * width) :])
    for candidate in detector.candidates(view):
        box = candidate.box
        assert min(box.x, box.y) >= 0
        assert box.x + box.width <= view.shape[1]
        assert box.y + box.height <= view.shape[0]


def test_threads_share_one_detector(detector: FaceDetector, pair: tuple[bytes, bytes]) -> None:
    views = [pixels(pair[0]), rendered("noise"), pixels(pair[1]), np.ascontiguousarray(pixels(pair[0])[:, ::-1])]
    alone = [detector.candidates(view) for view in views]
    with ThreadPoolExecutor(4) as pool:
        together = list(pool.map(detector.candidates, views * 4))
    assert together == alone * 4
    assert any(alone)


def test_the_number_of_opencv_threads_changes_nothing(detector: FaceDetector, pair: tuple[bytes, bytes]) -> None:
    view = pixels(pair[0])
    before = cv2.getNumThreads()
    try:
        cv2.setNumThreads(1)
        one = detector.candidates(view)
        cv2.setNumThreads(4)
        assert detector.candidates(view) == one
    finally:
        cv2.setNumThreads(before)


@given(found, found)
def test_order_does_not_matter(a: tuple[Face, ...], b: tuple[Face, ...]) -> None:
    category = route(a, b, None)
    assert category == route(b, a, None)
    assert category.source == "detected"
    assert category.name == ("person" if a or b else "scene")
    assert category.confidence == max((face.confidence for face in a + b), default=SCENE_WITHOUT_FACE)


@pytest.mark.parametrize("chosen", ["person", "scene"])
def test_the_callers_choice_stands(chosen: str) -> None:
    category = route((Face(Box(0, 0, 50, 50), 0.9),), (), chosen)
    assert (category.name, category.source, category.confidence) == (chosen, "given", None)


def test_labels_are_complete(data: Path) -> None:
    with LABELS.open(newline="") as lines:
        rows = list(csv.DictReader(lines))
    photos = data / "photos"
    assert [row["photo"] for row in rows] == sorted(p.relative_to(photos).as_posix() for p in photos.rglob("*.jpg"))
    assert {row["category"] for row in rows} == {"person", "scene"}
    assert all(row["category"] == "person" for row in rows if row["face"] == "yes")


@pytest.mark.slow
def test_precision_and_recall_on_labelled_photographs(detector: FaceDetector, data: Path) -> None:
    """Floors a little below what `python -m idiff_models.evaluate.routing` measures."""
    with LABELS.open(newline="") as lines:
        rows = list(csv.DictReader(lines))
    routed = [bool(detector.detect(photo(data / "photos" / row["photo"]))) for row in rows]
    people = [row["category"] == "person" for row in rows]
    hits = sum(chosen and person for chosen, person in zip(routed, people, strict=True))
    assert hits / sum(routed) >= 0.88
    assert hits / sum(people) >= 0.58
