"""The prompt: what is constant, what is told of the pair, and that swapping the photos mirrors it."""

import re

import pytest
from thinking_support import FEATURES, mirrored, verdict

from idiff.thinking.form import rationale_regex
from idiff.thinking.parse import parse
from idiff.thinking.prompt import answer_line, build
from idiff.thinking.vocabulary import METRICS, SUMMARY_HEADER
from idiff.types import CategoryName, Features

CATEGORIES: list[CategoryName | None] = ["person", "scene", None]


def swapped_sides(text: str) -> str:
    return text.replace("Left", "\0").replace("Right", "Left").replace("\0", "Right")


def evidence_lines(text: str) -> list[str]:
    return [line for line in text.splitlines() if re.match(r"(Crop|Global) view: laplacian", line)]


@pytest.mark.parametrize("category", CATEGORIES)
def test_constant_text_comes_first(category: CategoryName | None) -> None:
    one = build(category, FEATURES, verdict("A"))
    other = build(category, mirrored(FEATURES), verdict("B", against=2))
    assert one == build(category, FEATURES, verdict("A"))
    assert one.system == other.system
    assert one.version == other.version
    (shared, marker, own), other_shared = one.user.partition("\nCrop view: "), other.user.partition("\nCrop view: ")[0]
    assert shared == other_shared
    assert marker
    assert len(one.system + shared) > 4 * len(own)
    assert all(metric in shared for metric in METRICS)
    assert f"{SUMMARY_HEADER}:" in shared


def test_categories_have_templates_of_their_own() -> None:
    users = [build(category, None, None).user for category in CATEGORIES]
    assert len(set(users)) == 3
    assert all("4 to 7 lines" in user for user in users)
    assert not any("{" in user or "}" in user for user in users)
    assert "exactly" not in build("person", None, None, lines=(3, 3)).user.split("lines")[0]
    assert "Write 3 lines" in build("person", None, None, lines=(3, 3)).user


def test_every_stage_is_a_switch() -> None:
    full = build("person", FEATURES, verdict())
    assert full.version == "idiff-1/person/cv/answer/4-7"
    assert build("person", None, verdict()).version == "idiff-1/person/answer/4-7"
    assert "laplacian" not in build("person", None, verdict()).user
    assert "Ground truth" not in build("person", FEATURES, None).user
    assert build(None, None, None, lines=(2, 5)).version == "idiff-1/generic/2-5"
    assert full.user.splitlines()[-1] == "Ground truth: Left is better."


def test_evidence_is_signed_and_compact() -> None:
    crop, whole = evidence_lines(build("person", FEATURES, None).user)
    assert crop == (
        "Crop view: laplacian +100%, tenengrad 0%, noise_sigma -40%, high_frequency_ratio 0%, edge_density 0%, "
        "entropy +0.25 bits, under_exposed -3.0 pp, over_exposed 0 pp, colorfulness 0%, brightness 0%."
    )
    assert not re.search(r"[+-]", whole), "equal views differ in nothing, and a zero has no sign"


@pytest.mark.parametrize("too_close", [False, True])
@pytest.mark.parametrize("against", [0, 2])
@pytest.mark.parametrize("preferred", ["A", None])
def test_swapping_the_photos_mirrors_the_prompt(preferred: str | None, against: int, too_close: bool) -> None:
    other = None if preferred is None else "B"
    one = build("scene", FEATURES, verdict(preferred, against=against, too_close=too_close))  # type: ignore[arg-type]
    two = build("scene", mirrored(FEATURES), verdict(other, against=against, too_close=too_close))  # type: ignore[arg-type]
    assert swapped_sides(one.user.splitlines()[-1]) == two.user.splitlines()[-1]
    flipped = [line.translate(str.maketrans("+-", "-+")) for line in evidence_lines(one.user)]
    assert flipped == evidence_lines(two.user)


def test_an_unsure_verdict_is_told_as_such() -> None:
    assert answer_line(verdict("B")) == "Ground truth: Right is better."
    split = answer_line(verdict("B", against=2))
    assert "split: 3 of 5" in split
    assert "do not overstate" in split
    close = answer_line(verdict("B", too_close=True))
    assert "too close to call, leaning slightly to Right" in close
    assert "is better" not in close
    equal = answer_line(verdict(None))
    assert "neither is better" in equal
    assert "Left" not in equal
    assert answer_line(verdict("B", too_close=True, against=2), "paper") == "Ground truth: Right is better."
    assert build("person", None, verdict(), wording="paper").version.startswith("paper-1/")


def test_a_zero_on_both_sides_is_no_difference() -> None:
    zero = FEATURES.a.crop_view.__class__(*(0.0,) * 10)
    nothing = Features(FEATURES.a.__class__(zero, zero), FEATURES.a.__class__(zero, zero))
    assert all("nan" not in line for line in evidence_lines(build("scene", nothing, None).user))


def test_the_form_holds_what_the_parser_reads() -> None:
    form = re.compile(rationale_regex(2, 3, 100))
    line = "Clothing (White Shirt) Sharpness: Image A (Left) is sharper than Image B (Right).\n"
    escape = "Hair Edge Quality: Both images are alike here.\n"
    summary = "Global Overall: Image A (Left) is a little better."
    assert form.fullmatch(line + escape + summary)
    assert form.fullmatch(line + line + escape + summary)
    assert not form.fullmatch(line + summary), "too few lines"
    assert not form.fullmatch(line * 4 + summary), "too many lines"
    assert not form.fullmatch(line + escape), "no summary"
    assert not form.fullmatch("Well. " + line + escape + summary)
    assert not form.fullmatch(line + escape.replace("Quality", "Bokeh") + summary), "a metric outside the vocabulary"
    assert not form.fullmatch(line + escape + summary.replace("better", "better" * 30)), "an endless line"
    lines, told = parse(line + escape + summary)
    assert [(one.region, one.metric) for one in lines] == [
        ("Clothing (White Shirt)", "Sharpness"),
        ("Hair Edge", "Quality"),
    ]
    assert told == "Image A (Left) is a little better."
