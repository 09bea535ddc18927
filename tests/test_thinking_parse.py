"""Reading rationales back: the experts' references, the variants of the form, and nonsense."""

import csv
import hashlib
import json
import os
import random
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
LABELS = Path(__file__).parent / "data" / "reference_lines.csv"
"""Lines of the references that were read by hand, told by row and line, from 1, and a digest of their text: `drawn` by
a seed (region, metric and the photo they speak for), and every other one that speaks for neither photo."""
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


@pytest.fixture(scope="module")
def lines(references: list[tuple[str, str]]) -> dict[tuple[int, int], str]:
    """Every line of the references by row and line, from 1."""
    rows = ([line.strip() for line in text.splitlines() if line.strip()] for text, _ in references)
    return {(row, place): line for row, told in enumerate(rows, 1) for place, line in enumerate(told, 1)}


@pytest.fixture(scope="module")
def labels(lines: dict[tuple[int, int], str]) -> dict[tuple[int, int], dict[str, str]]:
    """What was found by hand, of the lines it was found of."""
    with LABELS.open(newline="", encoding="utf-8") as file:
        found = {(int(cells["row"]), int(cells["line"])): cells for cells in csv.DictReader(file)}
    for place, cells in found.items():
        assert hashlib.sha256(lines[place].encode()).hexdigest()[:8] == cells["digest"], "the label of another text"
    return found


def test_lines_drawn_by_chance_are_read_as_by_hand(
    lines: dict[tuple[int, int], str], labels: dict[tuple[int, int], dict[str, str]]
) -> None:
    drawn = [place for place, cells in labels.items() if cells["drawn"] == "1"]
    assert drawn == sorted(random.Random(42).sample(list(lines), 30))
    wrong = []
    for place in drawn:
        line = read_line(lines[place])
        read = (line.region, line.metric, line.favours or "none") if line else None
        if read != tuple(labels[place][name] for name in ("region", "metric", "favours")):
            wrong.append((place, read))
    assert len(wrong) <= 2, wrong


def test_the_references_are_read(
    lines: dict[tuple[int, int], str], labels: dict[tuple[int, int], dict[str, str]]
) -> None:
    """Into region, metric and the favoured photo; none counts as read where a person found none either."""
    neutral = {place for place, cells in labels.items() if cells["favours"] == "none"}
    read = {place: line for place, text in lines.items() if (line := read_line(text))}
    assert all(line.region and line.metric and line.agrees is None for line in read.values())
    assert len(lines) == 306
    told = [place for place, line in read.items() if (line.favours is None) == (place in neutral)]
    assert len(told) >= 0.95 * len(lines)


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
        ("Arm Contrast and Sharpness: Image A is sharper.", "Arm", "Sharpness", "A"),
        ("Leaf Edge Definition: Image B (Right) is clearer.", "Leaf Edge", "Detail", "B"),
        ("Global Perceived Clarity: Image B (Right) is clearer.", "Global", "Clarity", "B"),
        ("Chin: Image B (Right) shows more natural skin texture.", "Chin", "Texture", "B"),
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
        ("The rendering of the eyes in Image A/Left is poor, with smeared lashes.", "B"),
        ("Image B (Right) shows lower sharpness, which gives a softer, more pleasing look.", "B"),
        ("The grain of Image B (Right) is less intrusive.", "B"),
        ("The noise of Image B (Right) is heavier.", "A"),
        ("Image A (Left) has less noise and better detail.", "A"),
        ("Image A (Left) lacks clarity and finer detail.", "B"),
        ("Image B (Right) is rendered without halos, more natural.", "B"),
        ("Both are clean, but Image A (Left) has heavier black outlines.", "B"),
        ("Image A (Left) looks crisper at first glance, but has halos.", "B"),
        ("Despite Image A (Left) having less contrast, its rendering is superior.", "A"),
        ("Image B (Right) keeps detail, with a smoothing that is acceptable; Image A (Left) has less detail.", "B"),
        ("The warmer rendering of Image A (Left) suits the preferences of viewers.", "A"),
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
