"""`idiff gate` as a pipeline runs it, on the sample pair."""

import random
import shutil
from pathlib import Path

import pytest
from conftest import SAMPLES
from hypothesis import given, settings
from hypothesis import strategies as st
from markdown_it import MarkdownIt
from typer.testing import CliRunner, Result

from idiff import Client
from idiff.cli import app
from idiff.review import markdown
from idiff.review.gate import decide
from idiff.review.judging import Judged
from idiff.review.pairs import Pair, match
from idiff.schemas import Comparison

GOOD, POOR = SAMPLES / "astronaut_a.jpg", SAMPLES / "astronaut_b.jpg"


@pytest.fixture
def folders(tmp_path: Path) -> tuple[Path, Path]:
    """Better, worse and the same after; the first under another suffix, the second in a folder."""
    before, after = tmp_path / "before", tmp_path / "after"
    for name, old, new in (("better.jpg", POOR, GOOD), ("in/w_o*rse.jpg", GOOD, POOR), ("same.jpg", GOOD, GOOD)):
        for folder, photo in ((before, old), (after, new)):
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(photo, folder / name)
    (after / "better.jpg").rename(after / "better.PNG")
    (before / ".hidden.jpg").write_bytes(b"x")
    (before / "notes.txt").write_bytes(b"x")
    return before, after


def gate(folders: tuple[Path, Path], *options: str) -> Result:
    return CliRunner().invoke(app, ["gate", *map(str, folders), *options])


def test_half_is_enough_until_more_is_asked(folders: tuple[Path, Path], address: str, tmp_path: Path) -> None:
    done = gate(folders)
    assert done.exit_code == 0, done.output
    assert "after is preferred in 50.0 %" in done.stdout
    assert "better 1, too close 1, worse 1" in done.stdout
    assert done.stdout.endswith("passed\n")
    file = tmp_path / "summary.md"
    done = gate(folders, "--url", address, "--fail-under", "0.51", "--min-pairs", "4", "--summary", str(file))
    assert done.exit_code == 1
    assert "3 judged, fewer than 4; after is preferred in 1.5 of 3 pairs, less than 51.0 %" in done.stdout
    written = file.read_text(encoding="utf-8")
    assert written.startswith("## iDiff gate: failed\n")
    tables = [token.content for token in _inline(written)]
    assert "Worst (1)" in tables
    assert "in/w_o*rse.jpg" in [_text(content) for content in tables]
    assert any("Sharpness" in content for content in tables)
    assert "Not judged" not in written


def test_what_has_no_counterpart_or_is_no_picture_is_told(folders: tuple[Path, Path], address: str) -> None:
    before, after = folders
    shutil.copy(GOOD, before / "lost.jpg")
    shutil.copy(GOOD, after / "new\x1b[31m.jpg")
    (after / "same.jpg").write_bytes(b"cut short")
    done = gate(folders, "--url", address, "--fail-under", "0", "--summary", str(after / "summary.md"))
    assert done.exit_code == 1
    assert f"not in {after}: lost.jpg" in done.stderr
    assert f"not in {before}: new\\x1b[31m.jpg" in done.stderr
    assert "not judged: same.jpg: unsupported_image:" in done.stderr
    assert done.stdout.endswith("failed: 1 could not be judged\n")
    said = [_text(token.content) for token in _inline((after / "summary.md").read_text(encoding="utf-8"))]
    assert {"Not judged (1)", "same.jpg", "Only in before (1)", "lost.jpg", "new\\x1b[31m.jpg"} <= set(said)


def test_a_gate_that_cannot_work_neither_passes_nor_fails(folders: tuple[Path, Path], address: str) -> None:
    before, after = folders
    for options, code in (
        (["--url", "http://127.0.0.1:9"], "unreachable"),
        (["--url", f"{address}/nowhere"], "not_found"),
        (["--url", address, "--summary", str(after)], "unwritable"),
    ):
        done = gate(folders, *options)
        assert done.exit_code == 2
        assert f"idiff: {code}:" in done.stderr
    assert gate(folders, "--fail-under", "2").exit_code == 2
    assert gate((before, after / "absent")).exit_code == 2
    (after / "empty").mkdir()
    assert "no_pairs" in gate((before, after / "empty")).stderr


@pytest.fixture(scope="module")
def answer(address: str) -> Comparison:
    with Client(address) as client:
        return client.compare(POOR, GOOD)


def _judged(answer: Comparison, preferred: str | None, confidence: float, *, close: bool = False) -> Judged:
    verdict = answer.verdict.model_copy(
        update={"preferred": preferred, "confidence": confidence, "too_close": close or preferred is None}
    )
    return Judged(Pair(f"{preferred}-{confidence}", GOOD, POOR), answer.model_copy(update={"verdict": verdict}))


def test_what_is_too_close_counts_half_or_its_side(answer: Comparison) -> None:
    judged = [
        _judged(answer, "A", 0.9),
        _judged(answer, "A", 0.95),
        _judged(answer, "A", 0.51, close=True),
        _judged(answer, "B", 0.8),
        _judged(answer, "B", 0.52, close=True),
        _judged(answer, None, 0.5),
    ]
    half, side = decide(judged, 0.5, 1, "half"), decide(judged, 0.5, 1, "side")
    assert (half.better, half.close, half.worse, half.share.right) == (1, 3, 2, 2.5)
    assert (side.better, side.close, side.worse, side.share.right) == (2, 1, 3, 2.5)
    assert [one.pair.name for one in half.worst] == ["A-0.95", "A-0.9"]
    assert half.reasons
    assert not decide(judged[2:], 0.5, 4, "half").reasons
    assert len(decide(judged * 9, 0.5, 1, "half").worst) == 10


@settings(deadline=None)  # files
@given(st.sets(st.tuples(st.sampled_from("abc"), st.sampled_from(["jpg", "JPG", "png"]), st.booleans())))
def test_every_photo_has_one_place(
    tmp_path_factory: pytest.TempPathFactory, photos: set[tuple[str, str, bool]]
) -> None:
    root = tmp_path_factory.mktemp("folders")
    names = {True: set[str](), False: set[str]()}
    for stem, suffix, first in photos:
        names[first].add(f"{stem}.{suffix}")
    for first, found in names.items():
        (root / str(first)).mkdir()
        for name in random.Random(0).sample(sorted(found), len(found)):
            (root / str(first) / name).touch()
    matched = match(root / "True", root / "False")
    for first, alone in ((True, matched.only_first), (False, matched.only_second)):
        paired = [(pair.image_a if first else pair.image_b).name for pair in matched.pairs]
        assert sorted([*paired, *alone]) == sorted(names[first])
    assert all(pair.image_a.stem == pair.image_b.stem for pair in matched.pairs)
    equal = names[True] & names[False]
    assert equal <= {pair.name for pair in matched.pairs if pair.image_a.name == pair.image_b.name}


@settings(deadline=None)
@given(st.text(st.characters(exclude_categories=["Cs", "Cc", "Z"], include_characters=" "), min_size=1))
def test_words_mean_nothing_to_markdown(words: str) -> None:
    line = " ".join(words.split()) or "x"
    cells = [token.content for token in _inline(f"| a |\n| --- |\n| {markdown.text(line)} |\n")][1:]
    assert [_text(cell) for cell in cells] == [line]


def _inline(text: str) -> list:  # type: ignore[type-arg]
    return [token for token in MarkdownIt("commonmark").enable("table").parse(text) if token.type == "inline"]


def _text(content: str) -> str:
    """What a cell shows, which must be text and nothing else."""
    children = MarkdownIt("commonmark").parseInline(content)[0].children or []
    assert {child.type for child in children} <= {"text", "text_special"}, content
    return "".join(child.content for child in children)
