"""The claim check: lines about known degradations, true and false, and lines that no measurement bears on."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import NamedTuple

import cv2
import numpy as np
import pytest
from pair_support import as_jpeg, noisy, sharpened, views_of
from picture import chart

from idiff.features import measure_photo
from idiff.thinking.check import check
from idiff.thinking.measured import Measured, measure
from idiff.thinking.parse import read_line
from idiff.thinking.phrases import phrases
from idiff.thinking.scales import SCALES
from idiff.thinking.vocabulary import METRICS
from idiff.types import Features, Image, Line, Rationale


def curve(picture: Image, tones: Sequence[tuple[float, float]]) -> Image:
    """Every channel's values through a curve from 0-255 to 0-255, straight between the points."""
    table = np.interp(np.arange(256), *zip(*tones, strict=True))
    return np.rint(table)[picture].astype(np.uint8)


def blotched(picture: Image, sigma: float = 9.0) -> Image:
    """Noise in Cb and Cr alone, some two pixels wide, as a sensor's is after demosaicing."""
    planes = cv2.cvtColor(picture, cv2.COLOR_RGB2YCrCb).astype(np.float32)
    for plane in (1, 2):
        grain = np.random.default_rng(plane).standard_normal(picture.shape[:2], np.float32)
        soft = cv2.GaussianBlur(grain, (0, 0), 1.0)
        planes[..., plane] += sigma * soft / soft.std()
    return cv2.cvtColor(np.clip(np.rint(planes), 0, 255).astype(np.uint8), cv2.COLOR_YCrCb2RGB)


def overexposed(picture: Image) -> Image:
    light = picture.mean(2, keepdims=True)
    return np.where(light >= np.percentile(light, 88), 255, picture).astype(np.uint8)


def faded(picture: Image, share: float) -> Image:
    """A share of the colors taken away."""
    grey = cv2.cvtColor(cv2.cvtColor(picture, cv2.COLOR_RGB2GRAY), cv2.COLOR_GRAY2RGB)
    return cv2.addWeighted(picture, 1 - share, grey, share, 0)


def tinted(picture: Image) -> Image:
    return np.clip(np.rint(picture * np.array([1.0, 1.08, 0.86])), 0, 255).astype(np.uint8)


class Fault(NamedTuple):
    """`change`: a degradation of the second photo. `text`: what can truly be said of it, under `header`. `qualities`:
    which may be the strongest that bears on it. `opposite`: what is false there, "" where it is the text with the
    photos exchanged. `least`: share of photographs on which what is true, or false, must be recognised."""

    change: Callable[[Image], Image]
    header: str
    text: str
    qualities: tuple[str, ...]
    opposite: str = ""
    least: float = 0.75


FAULTS: dict[str, Fault] = {
    "blur": Fault(
        lambda picture: cv2.GaussianBlur(picture, (0, 0), 1.6),
        "Detail Region Sharpness",
        "{X} is sharper, while {Y} is blurry.",
        ("sharpness",),
    ),
    "softness of the whole": Fault(
        lambda picture: cv2.GaussianBlur(picture, (0, 0), max(picture.shape) / 320),
        "Global Sharpness",
        "{X} is sharper than {Y}.",
        ("global_sharpness", "sharpness"),
    ),
    "smear": Fault(
        lambda picture: cv2.bilateralFilter(picture, 9, 50, 4),
        "Face Texture",
        "{Y} is smeared, while {X} keeps finer texture.",
        ("texture",),
        least=0.5,
    ),
    "noise": Fault(
        lambda picture: noisy(picture, 7), "Face Noise", "{Y} is noisier; {X} is cleaner.", ("grain", "shadow_grain")
    ),
    "chroma noise": Fault(blotched, "Face Noise", "{Y} shows color noise; {X} is cleaner.", ("color_grain",)),
    "halos": Fault(
        lambda picture: sharpened(picture, 3.0),
        "Building Artifacts",
        "{Y} shows harsh halos along the edges.",
        ("halos",),
        least=0.2,
    ),
    "blocks": Fault(
        lambda picture: as_jpeg(picture, 12), "Text Artifacts", "{Y} shows banding and blocks.", ("blocks",)
    ),
    "clipping": Fault(overexposed, "Global Exposure", "{Y} is overexposed, {X} is balanced.", ("highlights",)),
    "crushed shadows": Fault(
        lambda picture: curve(picture, ((0, 0), (45, 0), (110, 110), (255, 255))),
        "Global Exposure",
        "{Y} has crushed shadows, {X} is balanced.",
        ("shadows", "brightness"),
        least=0.6,
    ),
    "low contrast": Fault(
        lambda picture: curve(picture, ((0, 51), (255, 204))),
        "Global Contrast",
        "{Y} is duller.",
        ("contrast",),
        "Both images have a similar contrast.",
    ),
    "color cast": Fault(
        tinted, "Global Color", "{Y} has a green cast.", ("warmth", "green"), "Both images have similar colors."
    ),
    "faded color": Fault(
        lambda picture: faded(picture, 0.6), "Global Color", "{Y} is pale.", ("color",), "Both have similar colors."
    ),
}
"""What the claim check is held against. Where neither more nor less is better (contrast, color) a claim for one photo
is never called true or false, but one that finds both alike is."""

NAMES = "Image A (Left)", "Image B (Right)"


@pytest.fixture(scope="module")
def photographs(data: Path) -> list[Image]:
    """Every sixth of the shared ones."""
    files = sorted(data.glob("photos/*/*.jpg"))[::6]
    assert len(files) >= 15
    return [np.ascontiguousarray(cv2.imread(str(file))[..., ::-1]) for file in files]


def measured(a: Image, b: Image) -> Measured:
    views = views_of(a, b)
    return measure(Features(measure_photo(views.a), measure_photo(views.b)), views)


def checked(text: str, what: Measured) -> Line:
    line = read_line(text)
    assert line
    return check(Rationale("model", text, (line,), "", None, "test"), what).lines[0]


def claim(fault: Fault, *, true: bool) -> str:
    """What can be said where the second photo has the fault, or its opposite."""
    x, y = NAMES if true or fault.opposite else NAMES[::-1]
    text = fault.opposite if fault.opposite and not true else fault.text
    return f"{fault.header}: {text.format(X=x, Y=y)}"


@pytest.mark.parametrize("name", FAULTS)
def test_a_line_is_held_against_the_number_it_speaks_of(name: str) -> None:
    fault = FAULTS[name]
    what = measured(chart(), fault.change(chart()))
    right, wrong = (checked(claim(fault, true=true), what) for true in (True, False))
    assert (right.favours, right.agrees) == ("A", None if fault.opposite else True)
    assert (wrong.favours, wrong.agrees) == (None if fault.opposite else "B", False)
    for line in (right, wrong):
        assert line.measured
        assert line.measured.quality in fault.qualities
        sign = {"more": 1, "less": -1, None: 0}[line.measured.better]
        assert bool(sign) is not bool(fault.opposite)
        assert abs(line.measured.difference) >= line.measured.dead_band
        assert sign * line.measured.difference >= 0


@pytest.mark.slow
@pytest.mark.parametrize("name", FAULTS)
def test_known_degradations_of_photographs(name: str, photographs: list[Image]) -> None:
    """Hardly a true claim is called false or a false one true, and most of both are recognised; fewer of halos, where
    edges are often too steep to measure, and of smearing, which takes grain before texture."""
    fault, said = FAULTS[name], {True: [], False: []}
    for picture in photographs:
        what = measured(picture, fault.change(picture))
        for true, answers in said.items():
            answers.append(checked(claim(fault, true=true), what).agrees)
    few, most = 0.06 * len(photographs), fault.least * len(photographs)
    assert said[True].count(False) <= few, said
    assert said[False].count(True) <= few, said
    assert said[False].count(False) >= most, said
    assert said[True].count(True) >= (0 if fault.opposite else most), said


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


@pytest.mark.parametrize("fault", [*FAULTS, "none"])
def test_one_table_says_which_measurement_bears_on_which_claim(fault: str) -> None:
    """What a measured line is about, its measurement bears on; but for size, which is no merit."""
    change = FAULTS[fault][0] if fault in FAULTS else np.copy
    what = measured(chart(), change(chart()))
    for finding in (*what.crop, *what.frame):
        if finding.checked and finding.quality != "resolution":
            assert finding.quality
            assert phrases()["lines"][finding.key]["metric"] in SCALES[finding.quality].metrics
    claimed = {metric for scale in SCALES.values() for metric in scale.metrics}
    assert claimed == set(METRICS) - {"Realism", "Naturalness", "Quality"}


def test_a_difference_between_equal_photos_is_invented() -> None:
    what = measured(chart(), chart())
    assert checked("Face Texture: Image A (Left) is finer.", what).agrees is False
    assert checked("Face Texture: Both are identical.", what).agrees is True


def test_grounding_is_the_share_of_checkable_lines() -> None:
    what = measured(chart(), noisy(chart(), 7))
    texts = (
        claim(FAULTS["noise"], true=True),
        claim(FAULTS["noise"], true=False),
        "Face Realism: Image A (Left) is natural.",
    )
    lines = tuple(line for line in map(read_line, texts) if line)
    rationale = Rationale("model", "", lines, "", None, "test")
    assert rationale.grounding is None
    assert check(rationale, what).grounding == 0.5
