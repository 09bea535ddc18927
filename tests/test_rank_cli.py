"""`idiff rank`, in process and by a service; what it moves and what it does not."""

import json
from pathlib import Path

import pytest
from conftest import running
from rank_support import shots
from typer.testing import CliRunner, Result

from idiff.app import create_app
from idiff.cli import app
from idiff.client import Client
from idiff.config import Settings
from idiff.rank_cli import move


@pytest.fixture
def photos(tmp_path: Path) -> list[Path]:
    """Three shots, the best in the middle."""
    files = [tmp_path / f"shot {place}.png" for place in range(3)]
    for file, shot in zip(files, (shots()[2], shots()[0], shots()[1]), strict=True):
        file.write_bytes(shot)
    return files


def idiff(*arguments: object) -> Result:
    return CliRunner().invoke(app, ["rank", *map(str, arguments)])


def test_it_prints_a_table_and_moves_the_best(photos: list[Path], tmp_path: Path) -> None:
    answer = idiff(*photos, "--move-best", tmp_path / "kept" / "best")
    assert answer.exit_code == 0, answer.stderr
    lines = answer.stdout.splitlines()
    assert lines[0].split() == ["Rank", "Strength", "Photo"]
    assert [line.split()[0] for line in lines[1:4]] == ["1", "2", "3"]
    assert lines[1].endswith(str(photos[1]))
    assert "Why (measured)" in lines
    moved = tmp_path / "kept" / "best" / photos[1].name
    assert lines[-1] == f"Moved {photos[1]} to {moved}"
    assert moved.read_bytes() == shots()[0]
    assert [photo.exists() for photo in photos] == [True, False, True]


def test_it_prints_json_and_overwrites_nothing(photos: list[Path], tmp_path: Path) -> None:
    folder = tmp_path / "best"
    folder.mkdir()
    (folder / photos[1].name).write_text("another picture")
    answer = idiff(*photos, "--json", "--rationale", "none", "--move-best", folder)
    assert json.loads(answer.stdout)["order"][0] == 1
    assert answer.exit_code == 2
    assert answer.stderr.startswith("idiff: not_moved:")
    assert (folder / photos[1].name).read_text() == "another picture"
    assert all(photo.exists() for photo in photos)


def test_a_move_keeps_content_and_time(tmp_path: Path) -> None:
    file = tmp_path / "a.jpg"
    file.write_bytes(b"x" * 100_000)
    before = file.stat().st_mtime_ns
    target = move(file, tmp_path / "b")
    assert (target.read_bytes(), target.stat().st_mtime_ns) == (b"x" * 100_000, before)
    assert not file.exists()


@pytest.mark.parametrize(("extra", "said"), [([], "missing_field: photos[1]"), ([__file__], "unsupported_image:")])
def test_refusals_are_one_line(photos: list[Path], extra: list[str], said: str) -> None:
    answer = idiff(photos[0], *extra)
    assert answer.exit_code == 2
    assert len(answer.stderr.strip().splitlines()) == 1
    assert answer.stderr.startswith(f"idiff: {said}")


def test_by_a_service(photos: list[Path]) -> None:
    with running(create_app(Settings())) as (host, port):
        url = f"http://{host}:{port}"
        with Client(url, trust_env=False) as client:
            while not client.ready():
                pass
            ranking = client.rank(photos, category="scene", rationale="none")
        answer = idiff(*photos, "--category", "scene", "--rationale", "none", "--url", url)
    assert ranking.order[0] == 1
    assert ranking.reason.rationale is None
    lines = answer.stdout.splitlines()
    assert [line.endswith(str(photos[photo])) for line, photo in zip(lines[1:4], ranking.order, strict=True)] == [
        True
    ] * 3
