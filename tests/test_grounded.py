"""The grounded rationale: mirrored by a swap, true to known degradations, honest about the verdict, well formed."""

import re
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pair_support import as_jpeg, gained, noisy, photo, sharpened, verdict_for, views_of
from picture import chart
from PIL import Image as PillowImage
from PIL import ImageFilter

from idiff.features import measure_photo
from idiff.features.evidence import gather
from idiff.imaging.resize import resize
from idiff.thinking import phrases
from idiff.thinking.grounded import PROMPT_VERSION, explain
from idiff.thinking.readings import read
from idiff.thinking.scales import SCALES
from idiff.thinking.vocabulary import METRICS
from idiff.types import (
    Box,
    CategoryName,
    Features,
    Image,
    Line,
    PhotoViews,
    Rationale,
    Side,
    Size,
    Verdict,
)

FORM = re.compile(r"^[^:]{1,80}: .+")


def told(a: Image, b: Image, verdict: Verdict, lines: tuple[int, int] = (4, 7), **how: bool) -> Rationale:
    views = views_of(a, b, **how)
    return explain(verdict, Features(measure_photo(views.a), measure_photo(views.b)), views, None, lines)


def swap_side(side: Side | None) -> Side | None:
    return {"A": "B", "B": "A", None: None}[side]  # type: ignore[return-value]


def mirror_text(text: str) -> str:
    swapped = {"Image A (Left)": "Image B (Right)", "Image B (Right)": "Image A (Left)"}
    return re.sub(r"Image A \(Left\)|Image B \(Right\)", lambda match: swapped[match[0]], text)


def mirror(rationale: Rationale) -> Rationale:
    lines = tuple(
        replace(
            line,
            text=mirror_text(line.text),
            favours=swap_side(line.favours),
            measured=line.measured and replace(line.measured, difference=-line.measured.difference),
        )
        for line in rationale.lines
    )
    text, summary = mirror_text(rationale.text), mirror_text(rationale.summary)
    return replace(rationale, text=text, lines=lines, summary=summary)


CHANGES: dict[str, Callable[[Image], Image]] = {
    "same": lambda picture: picture,
    "blur": lambda picture: cv2.GaussianBlur(picture, (0, 0), 1.2),
    "noise": lambda picture: noisy(picture, 7),
    "smear": lambda picture: cv2.bilateralFilter(noisy(picture, 3), 7, 30, 3),
    "sharpen": lambda picture: sharpened(picture, 2.0),
    "jpeg": lambda picture: as_jpeg(picture, 15),
    "dark": lambda picture: gained(picture, 0.35),
    "bright": lambda picture: gained(picture, 2.2),
    "grey": lambda picture: cv2.cvtColor(cv2.cvtColor(picture, cv2.COLOR_RGB2GRAY), cv2.COLOR_GRAY2RGB),
    "warm": lambda picture: np.clip(picture * np.array([1.15, 1.0, 0.8]), 0, 255).astype(np.uint8),
    "black": np.zeros_like,
    "white": lambda picture: np.full_like(picture, 255),
    "static": lambda picture: noisy(np.full_like(picture, 128), 40),
    "small": lambda picture: resize(picture, Size(picture.shape[1] // 2, picture.shape[0] // 2)),
    "tiny": lambda picture: resize(picture, Size(16, 16)),
}

pictures = st.builds(
    lambda change, seed: CHANGES[change](chart(seed=seed)), st.sampled_from(sorted(CHANGES)), st.just(1)
)
preferences = st.sampled_from(["A", "B", None])


@given(pictures, pictures, preferences, st.booleans(), st.booleans(), st.booleans(), st.integers(1, 7))
@settings(max_examples=120, deadline=None)
def test_swapping_the_photos_mirrors_the_rationale(
    a: Image, b: Image, preferred: Side | None, close: bool, split: bool, person: bool, fewest: int
) -> None:
    category: CategoryName = "person" if person else "scene"
    one = verdict_for(preferred, close=close, split=split, category=category)
    two = verdict_for(swap_side(preferred), close=close, split=split, category=category)
    lines, how = (fewest, 7), {"face": person, "same_scene": not split}
    assert told(b, a, two, lines, **how) == mirror(told(a, b, one, lines, **how))


@given(pictures, pictures, preferences, st.booleans(), st.integers(1, 7), st.integers(0, 3))
@settings(max_examples=120, deadline=None)
def test_the_form_and_the_honesty_hold(
    a: Image, b: Image, preferred: Side | None, close: bool, fewest: int, spread: int
) -> None:
    rationale = told(a, b, verdict_for(preferred, close=close), (fewest, fewest + spread))
    assert (rationale.source, rationale.reason, rationale.prompt_version) == ("measured", None, PROMPT_VERSION)
    written = rationale.text.split("\n")
    assert all(FORM.match(line) for line in written)
    assert written[:-1] == [f"{line.region} {line.metric}: {line.text}" for line in rationale.lines]
    assert written[-1] == f"Global Overall: {rationale.summary}"
    assert min(3, fewest) <= len(rationale.lines) <= fewest + spread
    assert not re.search(r"\d|[{}]|\bnan\b|  ", rationale.text)
    assert {line.metric for line in rationale.lines} <= set(METRICS)
    assert all(line.agrees in (True, None) for line in rationale.lines)
    assert rationale.grounding in (1.0, None)
    for line in rationale.lines:
        if line.favours:
            assert "Image A (Left)" in line.text
            assert "Image B (Right)" in line.text
    if preferred is None:
        assert "Image A" not in rationale.summary
        assert "Image B" not in rationale.summary
    else:
        assert phrases.NAMES[preferred] in rationale.summary
    assert ("too close to call" in rationale.summary) is (close and preferred is not None)


def line_on(rationale: Rationale, metric: str, region: str = "Detail Region") -> Line:
    return next(line for line in rationale.lines if (line.region, line.metric) == (region, metric))


@pytest.mark.parametrize("picture", [chart(seed=seed) for seed in range(3)], ids=["first", "second", "third"])
def test_known_degradations_are_named(picture: Image) -> None:
    def against(change: str) -> Rationale:
        return told(picture, CHANGES[change](picture), verdict_for("A"))

    soft = against("blur")
    assert line_on(soft, "Sharpness").favours == "A"
    assert line_on(soft, "Texture").favours == "A"
    grainy = against("noise")
    assert line_on(grainy, "Noise").favours == "A"
    assert "Image B (Right)" in line_on(grainy, "Noise").text
    assert line_on(grainy, "Sharpness").favours is None
    harsh = against("sharpen")
    assert line_on(harsh, "Artifacts").favours == "A"
    assert "over-sharpening" in line_on(harsh, "Artifacts").text
    assert "ompression" in line_on(against("jpeg"), "Artifacts").text
    assert line_on(against("dark"), "Exposure", "Global").favours == "A"
    assert line_on(against("bright"), "Exposure", "Global").favours == "A"
    assert "warmer" in line_on(against("warm"), "Color", "Global").text
    assert "color" in line_on(against("grey"), "Color", "Global").text


def test_smoothing_is_told_from_softness() -> None:
    grainy = noisy(chart(), 3)
    smoothed = told(grainy, cv2.bilateralFilter(grainy, 7, 30, 3), verdict_for("A"))
    assert re.search("smearing|smoothing", line_on(smoothed, "Texture").text)
    soft = told(chart(), CHANGES["blur"](chart()), verdict_for("A"))
    assert not re.search("smearing|smoothing", soft.text)


PHOTOS = ["chart", *(f"photos/{name}.jpg" for name in ("cid22/1025469", "cid22/2389166", "cid22/6078297", "kodak/14"))]


@pytest.fixture(params=PHOTOS)
def picture(request: pytest.FixtureRequest) -> Image:
    if request.param == "chart":
        return chart()
    path = request.getfixturevalue("data") / request.param
    if not path.is_file():
        pytest.skip(f"no shared photograph {path}")
    return np.ascontiguousarray(cv2.imread(str(path))[..., ::-1])


def favoured(rationale: Rationale, metric: str) -> set[Side | None]:
    return {line.favours for line in rationale.lines if line.metric == metric}


@pytest.mark.parametrize("factor", [0.5, 1.5])
def test_a_gain_is_no_difference_of_noise_or_texture(picture: Image, factor: float) -> None:
    rationale = told(picture, gained(picture, factor), verdict_for("A"))
    for metric in ("Sharpness", "Texture", "Noise", "Artifacts"):
        assert favoured(rationale, metric) <= {None}, rationale.text


def test_motion_blur_is_given_no_merit(picture: Image) -> None:
    kernel = np.zeros((11, 11), np.float32)
    kernel[5] = 1 / 11
    rationale = told(picture, cv2.filter2D(picture, -1, kernel), verdict_for("A"))
    assert line_on(rationale, "Sharpness").favours == "A"
    assert {line.favours for line in rationale.lines} <= {"A", None}, rationale.text
    assert "halos" not in rationale.text


def test_turning_and_encoding_again_is_no_difference(picture: Image) -> None:
    turned = as_jpeg(np.ascontiguousarray(np.rot90(picture)), 95)
    assert {line.favours for line in told(picture, turned, verdict_for("A")).lines} == {None}


def test_strong_sharpening_is_named(picture: Image) -> None:
    harsh = PillowImage.fromarray(picture).filter(ImageFilter.UnsharpMask(2, 250, 0))
    rationale = told(picture, np.asarray(harsh), verdict_for("A"))
    assert "edge enhancement" in line_on(rationale, "Sharpness").text
    assert "sharpening" in line_on(rationale, "Texture").text
    assert "richer" not in rationale.summary


def test_compression_is_given_no_merit(picture: Image) -> None:
    rationale = told(picture, as_jpeg(picture, 30), verdict_for("A"))
    assert "ompression" in line_on(rationale, "Artifacts").text
    assert {line.favours for line in rationale.lines} <= {"A", None}, rationale.text


def test_resampling_is_not_called_compression(picture: Image) -> None:
    height, width = picture.shape[:2]
    soft = cv2.resize(cv2.resize(picture, (width // 2, height // 2), interpolation=cv2.INTER_AREA), (width, height))
    assert "ompression" not in told(as_jpeg(picture, 95), as_jpeg(soft, 95), verdict_for("A")).text


def test_noise_makes_no_photo_sharper(picture: Image) -> None:
    rationale = told(picture, noisy(picture, 12), verdict_for("A"))
    assert favoured(rationale, "Sharpness") == {None}, rationale.text
    assert favoured(rationale, "Noise") == {"A"}


@pytest.mark.parametrize("hand", [0.0, 0.6])
def test_grain_is_no_merit_of_a_single_shot(picture: Image, hand: float) -> None:
    """Of a soft picture, as a large sensor's pixels are: the mean of many shots, which blurs a little, against one."""
    soft = cv2.GaussianBlur(picture, (0, 0), 1.2)
    mean = cv2.GaussianBlur(soft, (0, 0), hand) if hand else soft
    rationale = told(mean, noisy(soft, 4), verdict_for("A"))
    assert favoured(rationale, "Noise") == {"A"}, rationale.text
    assert favoured(rationale, "Sharpness") <= {"A", None}, rationale.text


def test_a_green_cast_is_named(picture: Image) -> None:
    green = np.clip(np.rint(picture * np.array([0.9, 1.15, 0.9])), 0, 255).astype(np.uint8)
    line = line_on(told(picture, green, verdict_for("A")), "Color", "Global")
    assert re.search(r"Image B \(Right\) (leans|shifts) \w+ towards green", line.text)
    assert line.favours is None


def test_tiny_and_unaligned_crops_are_not_compared_closely() -> None:
    small = resize(chart(), Size(40, 40))
    tiny = told(small, cv2.GaussianBlur(small, (0, 0), 2), verdict_for("A"))
    assert [line.metric for line in tiny.lines if line.region == "Detail Region"] == ["Detail"]
    assert "too few pixels" in tiny.lines[0].text
    views = views_of(chart(), CHANGES["blur"](chart()))
    features = Features(measure_photo(views.a), measure_photo(views.b))
    for method, side, text in (("failed", 200, "compar"), ("features", 2, "compar"), ("features", 200, "pixels, so")):
        alignment = replace(views.alignment, method=method)
        unlike = replace(views, a=replace(views.a, crop_box=Box(0, 0, side, side)), alignment=alignment)
        rationale = explain(verdict_for("A"), features, unlike, None)
        assert any(text in line.text for line in rationale.lines if line.metric == "Detail"), rationale.text
        assert ("Texture" in {line.metric for line in rationale.lines}) is (text == "pixels, so")


def test_a_verdict_against_the_measurements_is_admitted() -> None:
    soft = CHANGES["blur"](chart())
    with_them, against_them = (told(chart(), soft, verdict_for(side)) for side in ("A", "B"))
    assert "measure" not in with_them.summary
    assert "do not capture" in against_them.summary
    assert with_them.lines == against_them.lines


def test_split_votes_and_other_scenes_are_admitted() -> None:
    soft = CHANGES["blur"](chart())
    assert "vote was split" in told(chart(), soft, verdict_for("A", split=True)).summary
    assert "vote was split" not in told(chart(), soft, verdict_for("A")).summary
    assert "same scene" in told(chart(), chart(seed=5), verdict_for("A"), same_scene=False).summary


def test_identical_photos_get_no_preference() -> None:
    rationale = told(chart(), chart(), verdict_for(None, close=True))
    assert rationale.summary == "Both images are identical, so neither is preferred."
    assert {line.favours for line in rationale.lines} == {None}


def test_people_and_scenes_get_their_own_regions() -> None:
    soft = CHANGES["blur"](chart())
    face = told(chart(), soft, verdict_for("A", category="person"), face=True)
    assert face.lines[0].region == "Face"
    assert {line.region for line in told(chart(), soft, verdict_for("A")).lines} == {"Detail Region", "Global"}


def test_every_wording_can_be_said() -> None:
    slots = dict.fromkeys(("X", "Y", "adv", "adj", "where", "merits", "others"), "x")
    data = phrases.phrases()
    for key, line in data["lines"].items():
        assert line["metric"] in METRICS, key
        assert all(FORM.match(f"Face {line['metric']}: {text.format(**slots)}") for text in line["texts"]), key
    for case in (texts for kind in ("clear", "close", "tie") for texts in data["summary"][kind].values()):
        assert all(text.format(**slots).endswith(".") for text in case)


def near_twins(folder: Path) -> Iterator[tuple[PhotoViews, PhotoViews]]:
    for path in sorted(folder.glob("photos/*/*.jpg"))[::5]:
        picture = np.ascontiguousarray(cv2.imread(str(path))[..., ::-1])
        yield photo(as_jpeg(picture, 90)), photo(as_jpeg(picture, 95))
        yield photo(picture), photo(picture, (-8, 6))


@pytest.mark.slow
def test_dead_bands_cover_near_identical_photos(data: Path) -> None:
    outside = dict.fromkeys(SCALES, 0)
    pairs = 0
    for a, b in near_twins(data):
        pairs += 1
        for quality, reading in read(Features(measure_photo(a), measure_photo(b)), gather(a), gather(b)).items():
            outside[quality] += reading.level > 0
    assert pairs >= 30
    assert max(outside.values()) <= 0.06 * pairs, outside
