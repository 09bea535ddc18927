"""Reading rationales back: the experts' references, the variants of the form, and nonsense."""

import json
import os
import re
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from thinking_support import RATIONALE

from idiff.thinking.claims import favoured
from idiff.thinking.parse import FormError, parse, read_line, read_lines
from idiff.types import Side

RAIM = Path(os.environ.get("IDIFF_DATA", Path(__file__).parents[2] / "shared" / "data")) / "raim"
OTHER: dict[Side | None, Side | None] = {"A": "B", "B": "A", None: None}


def swapped(text: str) -> str:
    """The text with the names of the two images exchanged."""
    names = {"A": "B", "B": "A", "Left": "Right", "Right": "Left"}
    return re.sub(r"(?<=Image )[AB]\b|\b(?:Left|Right)\b", lambda match: names[match.group()], text)


@pytest.fixture(scope="module")
def references() -> list[tuple[str, str]]:
    """Rationale and answer of every reference."""
    file = RAIM / "train_grpo_1536.jsonl"
    if not file.exists():
        pytest.skip(f"no reference rationales: {file} is absent (set IDIFF_DATA)")
    solutions = [json.loads(row)["solution"] for row in file.read_text(encoding="utf-8").splitlines()]
    form = re.compile(r"<thinking>\s*(.*?)\s*</thinking>.*<answer>\s*([AB])", re.S)
    return [(match[1], match[2]) for match in map(form.search, solutions) if match]


def test_the_references_are_read(references: list[tuple[str, str]]) -> None:
    raw = [line for text, _ in references for line in text.splitlines() if line.strip()]
    read = [read_line(line) for line in raw]
    assert len(references) == 100
    assert sum(line is not None for line in read) >= 0.95 * len(raw)
    assert all(line.region and line.metric and line.agrees is None for line in read if line)


def test_most_lines_of_a_reference_favour_its_answer(references: list[tuple[str, str]]) -> None:
    pairs = [(line.favours, answer) for text, answer in references for line in read_lines(text)]
    decided = [(favours, answer) for favours, answer in pairs if favours]
    assert len(decided) >= 0.8 * len(pairs)
    assert sum(favours == answer for favours, answer in decided) >= 0.85 * len(decided)


def test_swapping_the_names_swaps_who_is_favoured(references: list[tuple[str, str]]) -> None:
    for text, _ in references:
        for line, mirrored in zip(read_lines(text), read_lines(swapped(text)), strict=True):
            assert mirrored.favours == OTHER[line.favours], line.text


@pytest.mark.parametrize(
    ("text", "region", "metric", "favours"),
    [
        ("Face Texture: Image A (Left) is richer.", "Face", "Texture", "A"),
        ("Background [Noise]: Image A/Left has visible noise, Image B/Right is cleaner.", "Background", "Noise", "B"),
        ("Global, Exposure: Image A (Left) suffers from overexposure.", "Global", "Exposure", "B"),
        ("Shadows/Noise: Image B (Right) shows less noise.", "Shadows", "Noise", "B"),
        ("Artifacts: Image B (Right) has severe halos.", "Global", "Artifacts", "A"),
        ("Hair: Image B/Right shows artificial strands with a jagged look and less detail.", "Hair", "Detail", "A"),
        ("**Facial Details**: Image B keeps more detail than Image A.", "Facial", "Detail", "B"),
        ("2. Sky Colour: Both images look alike.", "Sky", "Color", None),
        ("Global Style: Image A is painterly and over-smoothed.", "Global", "Style", "B"),
        ("Text Quality: The left image is sharper than the right image.", "Text", "Quality", "A"),
    ],
)
def test_variants_of_a_line(text: str, region: str, metric: str, favours: Side | None) -> None:
    line = read_line(text)
    assert line
    assert (line.region, line.metric, line.favours) == (region, metric, favours)


@pytest.mark.parametrize(
    ("text", "favours"),
    [
        ("Both images exhibit comparable sharpness, with no noticeable blurring.", None),
        ("Image B (Right) has no visible smearing.", "B"),
        ("Image A (Left) is softer than Image B (Right), which keeps finer texture.", "B"),
        ("Despite Image B's superior sharpness, Image A (Left) is preferred.", "A"),
        ("Both are similar, but Image B (Right) shows slightly less severe smearing compared to Image A (Left).", "B"),
        ("Image B (Right) lacks fine detail.", "A"),
        ("Image A (Left) shows finer, more uniform noise.", "A"),
        ("Image A (Left) is smooth, whereas Image B (Right) lacks the same level of continuity.", "A"),
        ("Neither image is definitively superior; Image A (Left) looks more natural.", None),
        ("The sky is blue.", None),
        ("", None),
    ],
)
def test_who_a_sentence_favours(text: str, favours: Side | None) -> None:
    assert favoured(text) == favours
    assert favoured(swapped(text)) == OTHER[favours]


def test_a_rationale_is_lines_and_summary() -> None:
    lines, summary = parse(RATIONALE)
    assert len(lines) == 4
    assert summary == "Image A (Left) is preferred for its natural detail."
    for header in ("Global Realism", "Summary", "Overall", "Final Decision", "Global Perceived Quality"):
        assert parse(RATIONALE.replace("Global Overall", header))[1] == summary


@pytest.mark.parametrize(
    "text",
    ["", "\n\n", "Global Overall: Image A is better.", "Face Texture: Image A is finer.", "no colon\nat all", ": :\n:"],
)
def test_what_is_no_rationale_is_refused(text: str) -> None:
    with pytest.raises(FormError):
        parse(text)


@given(st.text(max_size=300) | st.text(alphabet="AB:Imagelrft ()/,.\n-whose", max_size=300))
def test_nonsense_never_breaks_the_parser(text: str) -> None:
    try:
        lines, summary = parse(text)
    except FormError:
        return
    assert lines
    assert summary
