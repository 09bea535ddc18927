"""`idiff thinking explain` and `tables`: submissions by a model or measured, and the paper's comparisons of them."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from conftest import encode, pixels
from thinking_support import RATIONALE, complete, status, turns, upstream
from typer.testing import CliRunner

pytest.importorskip("tqdm", reason="needs the evaluate extra")
pytest.importorskip("rouge_score", reason="needs the text extra")

from idiff.thinking.parse import parse
from idiff_models.pairs.challenge import read_told
from idiff_models.thinking.cli import app

RUN = CliRunner()
JUDGED = f"<thinking>\n{RATIONALE}\n</thinking>\n<answer>B</answer>"


@pytest.fixture
def references(tmp_path: Path, pair: tuple[bytes, bytes]) -> Path:
    """The sample pair twice, as the challenge would give it."""
    merged = np.concatenate([pixels(photo) for photo in pair], axis=1)
    rows = []
    for name, answer in (("p_001", "A"), ("p_002", "A")):
        (tmp_path / f"{name}_merged_c0.jpg").write_bytes(encode(merged, "JPEG", quality=95))
        solution = f"<thinking>\n{RATIONALE}\n</thinking>\n<answer>{answer}</answer>"
        rows.append({"images": [f"{name}_merged_c0.jpg"], "solution": solution})
    file = tmp_path / "references.jsonl"
    file.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return file


def explained(references: Path, *options: str) -> tuple[str, Path]:
    out = references.with_name("submission.jsonl")
    done = RUN.invoke(app, ["explain", str(references), "--root", str(references.parent), "--out", str(out), *options])
    assert done.exit_code == 0, done.output
    return done.stdout, out


def test_without_a_server_the_rationales_are_measured(references: Path) -> None:
    said, out = explained(references)
    assert "2 pairs, grounding 1.00" in said
    told = read_told(out)
    assert [one.name for one in told] == ["p_001", "p_002"]
    assert {one.answer for one in told} <= {"A", "B"}
    lines, summary = parse(told[0].rationale)
    assert lines
    assert summary


def test_a_submission_names_the_pictures_as_its_source_does(references: Path, tmp_path: Path) -> None:
    """Where the pictures do not tell a pair's name, the row does."""
    folder, merged = tmp_path / "data" / "1536", tmp_path / "p_001_merged_c0.jpg"
    folder.mkdir(parents=True)
    for name in ("p_001_merged_c0.jpg", "p_001_merged_c1.jpg"):
        (folder / name).write_bytes(merged.read_bytes())
    row = json.loads(references.read_text().splitlines()[0])
    named = [["data/1536/p_001_merged_c0.jpg", "./data/1536/p_001_merged_c1.jpg"], ["./p_001_merged_c0.jpg"]]
    references.write_text("".join(json.dumps({**row, "images": images}) + "\n" for images in named))
    _, out = explained(references)
    assert [json.loads(line)["images"] for line in out.read_text().splitlines()] == named
    assert [one.name for one in read_told(out)] == ["p_001", "p_001#2"]
    pairs = tmp_path / "pairs.csv"
    pairs.write_text("name,merged_global,label\np_007,data/1536/p_001_merged_c0.jpg,A\n")
    done = RUN.invoke(app, ["explain", str(pairs), "--out", str(out)])
    assert done.exit_code == 0, done.output
    assert json.loads(out.read_text())["images"] == ["data/1536/p_001_merged_c0.jpg"]
    assert [(one.name, one.category) for one in read_told(out)] == [("p_007", "person")]


def test_as_many_lines_as_wanted_are_asked_for(references: Path) -> None:
    asked: list[dict[str, Any]] = []
    with upstream(complete(), requests=asked) as url:
        said, _ = explained(references, "--url", url, "--lines", "2", "4")
    assert "Write 2 to 4 lines" in str(asked[0]["messages"])
    assert "){2,4}Global Overall" in asked[0]["structured_outputs"]["regex"]
    assert "for want of the model" not in said
    line = ["explain", str(references), "--root", str(references.parent), "--out", "x", "--lines", "5", "4"]
    done = RUN.invoke(app, line)
    assert done.exit_code == 2
    assert "not an interval" in done.stderr


@pytest.mark.parametrize(("answers", "side"), [("truth", "Left"), ("wrong", "Right")])
def test_a_model_explains_the_answer_it_is_told(references: Path, answers: str, side: str) -> None:
    asked: list[dict[str, Any]] = []
    with upstream(complete(), requests=asked) as url:
        said, out = explained(references, "--url", url, "--answers", answers, "--wording", "paper")
    assert [f"Ground truth: {side} is better." in str(request["messages"]) for request in asked] == [True] * 2
    told = {(one.answer, one.rationale) for one in read_told(out)}
    assert told == {({"Left": "A", "Right": "B"}[side], RATIONALE)}
    assert "for want of the model" not in said


def test_the_truth_of_a_pair_without_a_label_cannot_be_told(references: Path, tmp_path: Path) -> None:
    pairs = tmp_path / "pairs.csv"
    pairs.write_text("merged_global,label\np_001_merged_c0.jpg,\n")
    line = ["explain", str(pairs), "--out", str(tmp_path / "x"), "--url", "http://127.0.0.1:9", "--answers", "truth"]
    done = RUN.invoke(app, line)
    assert done.exit_code == 2
    assert "no label" in done.stderr


def test_a_tie_is_handed_in_without_an_answer(references: Path, tmp_path: Path, pair: tuple[bytes, bytes]) -> None:
    merged = np.concatenate([pixels(pair[0])] * 2, axis=1)
    (tmp_path / "p_001_merged_c0.jpg").write_bytes(encode(merged, "PNG"))
    _, out = explained(references)
    assert next(one.answer for one in read_told(out)) is None


def test_a_model_may_judge_by_itself_rationale_first(references: Path) -> None:
    with upstream(turns(complete("No form."), complete(JUDGED), complete(JUDGED))) as url:
        _, out = explained(references, "--url", url, "--stage", "judge", "--concurrency", "1")
    told = read_told(out)
    assert {(one.answer, one.rationale) for one in told} == {("B", RATIONALE)}


def test_a_baseline_is_given_no_form(references: Path) -> None:
    asked: list[dict[str, Any]] = []
    text = "The left one is nicer."
    with upstream(complete(text), requests=asked) as url:
        said, out = explained(references, "--url", url, "--stage", "baseline")
    assert len(asked) == 2
    assert not any("structured_outputs" in request for request in asked)
    assert [one.rationale for one in read_told(out)] == [text] * 2
    assert "for want of the model" not in said


def test_what_the_model_does_not_write_is_measured_and_counted(references: Path) -> None:
    with upstream(status(503)) as url:
        said, out = explained(references, "--url", url)
    assert "measured for want of the model: 2 busy" in said
    assert all(parse(one.rationale) for one in read_told(out))


def test_every_case_of_the_tables_is_scored(references: Path, tmp_path: Path) -> None:
    cases = tmp_path / "cases.toml"
    with upstream(complete()) as url:
        cases.write_text(
            '[[case]]\ntable = "8: answers"\nname = "measured"\n'
            f'[[case]]\ntable = "8: answers"\nname = "wrong"\nanswers = "wrong"\nurl = "{url}"\n'
            f'[[case]]\ntable = "6: order"\nname = "judge"\nstage = "judge"\nurl = "{url}"\n'
            f'[[case]]\ntable = "6: order"\nname = "scores"\nstage = "iqa"\nurl = "{url}"\n'
        )
        line = ["tables", str(cases), "--references", str(references), "--root", str(references.parent)]
        done = RUN.invoke(app, line)
    assert done.exit_code == 0, done.output
    assert done.stdout.index("## Table 8: answers") < done.stdout.index("## Table 6: order")
    rows = {line.split("|")[1].strip(): line.split("|") for line in done.stdout.splitlines() if line.startswith("|")}
    assert len({len(row) for row in rows.values()}) == 1, "a head without a column"
    assert [cell.strip() for cell in rows["wrong"][2:4]] == ["2", "1.0000"]
    assert rows["wrong"][-3].strip() == "told"
    assert [cell.strip() for cell in rows["judge"][2:-1]] == ["0", *[""] * 7, "2 malformed"], "no <answer> came"
    assert rows["scores"][-2].strip() == "not run: needs --iqa-url"
    assert "canned" in done.stdout


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("[[case]]\ntable = 1\nname = 'x'", "case.0.table"),
        ("case = []", "case"),
        ("[[case]]\ntable = 'x'\nname = 'x'\nstage = 'none'", "case.0.stage"),
        ("=", "cases.toml"),
    ],
)
def test_cases_that_make_no_sense_are_refused_by_key(references: Path, tmp_path: Path, text: str, said: str) -> None:
    cases = tmp_path / "cases.toml"
    cases.write_text(text)
    done = RUN.invoke(app, ["tables", str(cases), "--references", str(references)])
    assert done.exit_code == 2
    assert said in done.stderr


def test_the_papers_own_cases_can_be_read() -> None:
    from idiff_models.thinking.tables import Cases

    cases = Cases.read(Path(__file__).parents[1] / "models" / "idiff_models" / "thinking" / "runs" / "tables.toml")
    assert [case.table[0] for case in cases.case] == [*"44444", *"55555", *"66", *"8888"]
