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

from idiff.thinking.claims import favoured, mirror
from idiff.thinking.parse import parse
from idiff.types import Side
from idiff_models.pairs.challenge import read_told
from idiff_models.thinking.cli import app
from idiff_models.thinking.rewards import MEASURED, grounded
from idiff_models.thinking.targets import misfit, summed, target

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
        (("--stage", "baseline"), "Explain which image looks better", "Region"),
        (("--stage", "generic"), "Main Subject", "Look at the face first"),
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


def test_labelled_pairs_alone_make_rows_for_grpo(references: Path, pair: tuple[bytes, bytes]) -> None:
    """Without words to compare with, and nothing that SFT could teach but what was measured, where that is wanted."""
    for side, photo in zip("ab", pair, strict=True):
        references.with_name(f"{side}.jpg").write_bytes(photo)
    table = references.with_suffix(".csv")
    table.write_text("name,image_a,image_b,label\nfirst,a.jpg,b.jpg,A\nsecond,a.jpg,b.jpg,equal\n")
    out = references.parent / "out"
    line = ["dataset", str(table), "--out", str(out)]
    done = CliRunner().invoke(app, line)
    assert done.exit_code == 0, done.output
    assert "no sft.jsonl: there are no rationales to teach" in done.stdout
    assert "1 pairs left out" in done.stdout
    assert not (out / "sft.jsonl").exists()
    grpo = [json.loads(row) for row in (out / "grpo.jsonl").read_text().splitlines()]
    assert [row["solution"] for row in grpo] == ["<answer>A</answer>", "<answer>B</answer>"]
    assert all(row["name"] == "first" and row["measured"] and row["lines"] == [4, 7] for row in grpo)
    done = CliRunner().invoke(app, [*line, "--text", "measured", "--lines", "3", "7"])
    assert done.exit_code == 0, done.output
    told, turned = (json.loads(row)["messages"] for row in (out / "sft.jsonl").read_text().splitlines())
    assert "Write 3 to 7 lines" in told[1]["content"]
    assert misfit(told[2]["content"], (3, 7)) is None
    assert turned[2]["content"] == mirror(told[2]["content"])
    assert "Image A (Left)" in parse(told[2]["content"])[1]
    refused = CliRunner().invoke(app, [*line, "--text", "experts"])
    assert refused.exit_code == 2
    assert "no experts' rationales" in refused.stderr


@pytest.mark.parametrize(("options", "summary"), [((), True), (("--as-written",), False)])
def test_a_rationale_without_a_summary_is_completed(references: Path, options: tuple[str, ...], summary: bool) -> None:
    told = references.read_text().replace("Summary: Image A (Left) is preferred", "Hair Noise: Both images are alike")
    references.write_text(told)
    out = references.parent / "out"
    done = CliRunner().invoke(app, ["dataset", str(references), "--out", str(out), *options])
    assert done.exit_code == 0, done.output
    told, turned = (json.loads(row)["messages"][2]["content"] for row in (out / "sft.jsonl").read_text().splitlines())
    assert ("1 of 1 rationales had no summary and got one" in done.stdout) is summary
    assert (
        "0 of 1 rationales are of the form that serving holds a model to, 4 to 7 lines and a summary; the others "
        f"teach another: 1 {'with fewer lines' if summary else 'without a summary'}" in done.stdout
    )
    assert ("Global Overall: Image A (Left) is preferred for its face sharpness and hair texture." in told) is summary
    assert turned == mirror(told)


@pytest.mark.parametrize(
    ("lines", "answer", "last"),
    [
        (("Face Noise: Image A (Left) is cleaner.",), "A", "Image A (Left) is preferred for its face noise control."),
        (
            ("Face Noise: Image A (Left) is cleaner.",),
            "B",
            "Image B (Right) is preferred overall, despite the face noise control of Image A (Left).",
        ),
        (("Global Style: Both images are alike.",), "A", "Image A (Left) is preferred overall."),
        (("Sky: Image B (Right) has finer texture.",), None, "Neither image is preferred overall."),
    ],
)
def test_a_summary_follows_from_lines_and_answer(lines: tuple[str, ...], answer: Side | None, last: str) -> None:
    text = target("\n".join(lines), answer)
    assert text.endswith(f"\nGlobal Overall: {last}")
    assert misfit(text, (1, 1)) is None
    assert target(text, answer) == text


def test_what_cannot_be_read_stays_as_it_is() -> None:
    assert target("Not a line.\nFace Noise: Image A is cleaner.", "A") == "Not a line.\nFace Noise: Image A is cleaner."
    assert misfit("Not a line.", (1, 7)) == "without a summary"


def test_the_challenges_rationales_as_they_are_taught(data: Path) -> None:
    """All can be made what a form of one to seven lines allows; most have fewer lines than the four of the paper."""
    told = read_told(data / "raim" / "train_sft_1536.jsonl")
    fits = {least: [misfit(target(one.rationale, one.answer), (least, 7)) for one in told] for least in (1, 2, 3, 4)}
    assert {least: found.count(None) for least, found in fits.items()} == {1: 100, 2: 87, 3: 65, 4: 29}
    assert sum(summed(one.rationale) for one in told) == 20
    for one in told:
        other = {"A": "B", "B": "A"}[one.answer]
        assert target(mirror(one.rationale), other) == mirror(target(one.rationale, one.answer))
        assert favoured(parse(target(one.rationale, one.answer))[1]) == one.answer or summed(one.rationale)


def test_what_was_measured_goes_with_a_row_for_the_grounding_reward(references: Path) -> None:
    _, grpo = rows(references)
    told, turned = (MEASURED.validate_python(row["measured"]) for row in grpo)
    true = "Face Sharpness: Image A (Left) is sharper.\nGlobal Overall: Image A (Left) is preferred."
    assert grounded(true, told) == grounded(mirror(true), turned) == 1.0
    assert grounded(mirror(true), told) == grounded(true, turned) == 0.0
