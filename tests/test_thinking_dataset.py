"""`idiff thinking dataset`: what the service would ask of a pair, with what an expert wrote."""

import io
import json
import re
from pathlib import Path

import numpy as np
import pytest
from conftest import encode, pixels
from PIL import Image
from typer.testing import CliRunner

pytest.importorskip("tqdm", reason="needs the evaluate extra")

from idiff.thinking.claims import mirror
from idiff.thinking.parse import parse
from idiff_models.thinking.cli import app
from idiff_models.thinking.rewards import MEASURED, grounded

TEXT = (
    "Face Sharpness: Image A (Left) is sharper on the left cheek.\n"
    "Hair: Image B/Right loses texture.\n"
    "Summary: Image A (Left) is preferred."
)


@pytest.fixture
def references(tmp_path: Path, pair: tuple[bytes, bytes]) -> Path:
    """The sample pair as the challenge would give it, and one whose pictures are nowhere."""
    merged = np.concatenate([pixels(photo) for photo in pair], axis=1)
    (tmp_path / "p_001_merged_c0.jpg").write_bytes(encode(merged, "JPEG", quality=95))
    row = {
        "images": ["p_001_merged_c0.jpg"],
        "solution": f"<thinking>\n{TEXT}\n</thinking>\n<answer>A</answer>",
    }
    file = tmp_path / "references.jsonl"
    file.write_text(json.dumps(row) + "\n")
    return file


def rows(references: Path, *options: str) -> tuple[list[dict[str, object]], list[dict[str, object]]]:
    """The rows of both files."""
    out = references.parent / "out"
    result = CliRunner().invoke(app, ["dataset", str(references), "--out", str(out), *options])
    assert result.exit_code == 0, result.output
    texts = ((out / f"{name}.jsonl").read_text() for name in ("sft", "grpo"))
    sft, grpo = ([json.loads(line) for line in text.splitlines()] for text in texts)
    return sft, grpo


def user(row: dict[str, object]) -> str:
    return row["messages"][1]["content"]


def test_a_pair_is_told_from_both_sides(references: Path) -> None:
    sft, grpo = rows(references)
    assert len(sft) == len(grpo) == 2
    told, turned = (row["messages"][2]["content"] for row in sft)
    assert told.endswith("Global Overall: Image A (Left) is preferred.")
    assert turned == mirror(told)
    assert "Image B (Right) is sharper on the left cheek" in turned
    assert len(parse(told)[0]) == 2
    assert "Ground truth: Left is better." in user(sft[0])
    assert "Ground truth: Right is better." in user(sft[1])
    assert [re.search("<answer>(.)", row["solution"])[1] for row in grpo] == ["A", "B"]
    for (one, two), asked in zip(zip(sft, grpo, strict=True), sft, strict=True):
        assert one["messages"][:2] == two["messages"]
        assert user(asked).count("<image>") == len(asked["images"]) == 4


def test_the_views_are_the_services_and_shared_by_both_rows(references: Path) -> None:
    (one, two), _ = rows(references)
    folder = references.parent / "out"
    for name in one["images"]:
        with Image.open(io.BytesIO((folder / name).read_bytes())) as view:
            assert view.width * view.height <= 448 * 448
    assert [two["images"][place] for place in (1, 0, 3, 2)] == one["images"]


@pytest.mark.parametrize(
    ("options", "holds", "lacks"),
    [
        (("--stage", "baseline"), "Main Subject", "Look at the face first"),
        (("--stage", "templates"), "Look at the face first", "laplacian"),
        (("--stage", "cv"), "laplacian", "Ground truth"),
        (("--answers", "wrong"), "Ground truth: Right is better.", "Left is better"),
        (("--answers", "model", "--wording", "paper"), "is better.", "judges were split"),
    ],
)
def test_stages_and_answers(references: Path, options: tuple[str, ...], holds: str, lacks: str) -> None:
    (first, _), _ = rows(references, *options)
    assert holds in user(first)
    assert lacks not in user(first)


def test_learned_scores_are_told_of_every_pair_or_none(references: Path) -> None:
    line = ["dataset", str(references), "--out", str(references.parent / "out")]
    without = CliRunner().invoke(app, [*line, "--stage", "iqa"])
    assert without.exit_code == 2
    assert "needs the URL" in without.stderr
    nowhere = CliRunner().invoke(app, [*line, "--iqa-url", "localhost:8002"])
    assert nowhere.exit_code == 2
    assert "must start with http" in nowhere.stderr
    lost = CliRunner().invoke(app, [*line, "--iqa-url", "http://127.0.0.1:9"])
    assert lost.exit_code == 2
    assert "p_001: the IQA service gave no scores: unreachable" in lost.stderr


def test_what_cannot_be_used_is_named(references: Path) -> None:
    row = json.loads(references.read_text())
    references.write_text(json.dumps(row | {"images": ["p_002_merged_c0.jpg"]}))
    result = CliRunner().invoke(app, ["dataset", str(references), "--out", str(references.parent / "out")])
    assert result.exit_code == 2
    assert "p_002" in result.stderr


def test_what_was_measured_goes_with_a_row_for_the_grounding_reward(references: Path) -> None:
    _, grpo = rows(references)
    told, turned = (MEASURED.validate_python(row["measured"]) for row in grpo)
    true = "Face Sharpness: Image A (Left) is sharper.\nGlobal Overall: Image A (Left) is preferred."
    assert grounded(true, told) == grounded(mirror(true), turned) == 1.0
    assert grounded(mirror(true), told) == grounded(true, turned) == 0.0
