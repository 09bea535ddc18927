"""The claim check: lines about known degradations, true and false, and lines that no measurement bears on."""

from collections.abc import Callable
from itertools import product
from pathlib import Path

import cv2
import numpy as np
import pytest
from pair_support import as_jpeg, noisy, sharpened, views_of
from picture import chart

from idiff.features import measure_photo
from idiff.thinking.check import check
from idiff.thinking.measured import Measured, measure
from idiff.thinking.parse import read_line
from idiff.types import Features, Image, Line, Rationale

Change = Callable[[Image], Image]

FAULTS: dict[str, tuple[Change, str, str, str]] = {
    "blur": (
        lambda picture: cv2.GaussianBlur(picture, (0, 0), 1.6),
        "Detail Region Sharpness",
        "{X} is sharper, while {Y} is blurry.",
        "sharpness",
    ),
    "noise": (lambda picture: noisy(picture, 7), "Face Noise", "{Y} is noisier; {X} is cleaner.", "grain"),
    "halos": (
        lambda picture: sharpened(picture, 3.0),
        "Building Artifacts",
        "{Y} shows harsh halos along the edges.",
        "halos",
    ),
    "blocks": (lambda picture: as_jpeg(picture, 12), "Text Artifacts", "{Y} shows banding and blocks.", "blocks"),
    "clipping": (
        lambda picture: np.where(
            picture.mean(2, keepdims=True) >= np.percentile(picture.mean(2), 88), 255, picture
        ).astype(np.uint8),
        "Global Exposure",
        "{Y} is overexposed, {X} is balanced.",
        "highlights",
    ),
}
"""Degradation of one photo -> header and text of a true claim about it, and the quality that bears on it."""

NAMES = "Image A (Left)", "Image B (Right)"


def measured(a: Image, b: Image) -> Measured:
    views = views_of(a, b)
    return measure(Features(measure_photo(views.a), measure_photo(views.b)), views)


def checked(text: str, what: Measured) -> Line:
    line = read_line(text)
    assert line
    return check(Rationale("model", text, (line,), "", None, "test"), what).lines[0]


def claim(fault: str, *, true: bool) -> str:
    """What can be said where the second photo has the fault, or its opposite."""
    _, header, text, _ = FAULTS[fault]
    x, y = NAMES if true else NAMES[::-1]
    return f"{header}: {text.format(X=x, Y=y)}"


@pytest.mark.parametrize("fault", FAULTS)
def test_a_line_is_held_against_the_number_it_speaks_of(fault: str) -> None:
    change, _, _, quality = FAULTS[fault]
    what = measured(chart(), change(chart()))
    right, wrong = (checked(claim(fault, true=true), what) for true in (True, False))
    assert (right.favours, right.agrees) == ("A", True)
    assert (wrong.favours, wrong.agrees) == ("B", False)
    for line in (right, wrong):
        assert line.measured
        assert line.measured.quality == quality
        sign = {"more": 1, "less": -1}[line.measured.better or ""]
        assert sign * line.measured.difference >= line.measured.dead_band


@pytest.mark.slow
def test_known_degradations_of_photographs(data: Path) -> None:
    """Hardly a true claim is called false or a false one true, and most of both are recognised; fewer of halos, where
    edges are often too steep to measure."""
    files = sorted(data.glob("photos/*/*.jpg"))[::6]
    assert len(files) >= 15
    said: dict[tuple[str, bool], list[bool | None]] = {key: [] for key in product(FAULTS, (True, False))}
    for file in files:
        picture = np.ascontiguousarray(cv2.imread(str(file))[..., ::-1])
        for fault, (change, *_) in FAULTS.items():
            what = measured(picture, change(picture))
            for true in (True, False):
                said[fault, true].append(checked(claim(fault, true=true), what).agrees)
    for (fault, true), answers in said.items():
        assert answers.count(not true) <= 0.06 * len(answers), (fault, true, answers)
        assert answers.count(true) >= (0.25 if fault == "halos" else 0.6) * len(answers), (fault, true, answers)


@pytest.mark.parametrize(
    ("text", "agrees"),
    [
        ("Face Sharpness: Both images are similarly sharp.", False),
        ("Face Noise: Both images are comparable.", True),
        ("Background Sharpness: Image B (Right) is sharper.", None),
        ("Face Realism: Image B (Right) looks more natural.", None),
        ("Global Sharpness: Image B (Right) is sharper.", False),
        ("Global Exposure: Both images are similar.", True),
        ("Global Exposure: Image A (Left) is brighter.", None),
        ("Face Sharpness: The eyes are brown.", None),
    ],
)
def test_lines_about_a_blurred_photo(text: str, agrees: bool | None) -> None:
    assert checked(text, measured(chart(), cv2.GaussianBlur(chart(), (0, 0), 2.0))).agrees is agrees


def test_a_difference_between_equal_photos_is_invented() -> None:
    what = measured(chart(), chart())
    assert checked("Face Texture: Image A (Left) is finer.", what).agrees is False
    assert checked("Face Texture: Both are identical.", what).agrees is True


def test_grounding_is_the_share_of_checkable_lines() -> None:
    what = measured(chart(), noisy(chart(), 7))
    texts = (claim("noise", true=True), claim("noise", true=False), "Face Realism: Image A (Left) is natural.")
    lines = tuple(line for line in map(read_line, texts) if line)
    rationale = Rationale("model", "", lines, "", None, "test")
    assert rationale.grounding is None
    assert check(rationale, what).grounding == 0.5
