"""`idiff bulk --engine local`: every pair once, as `idiff compare` would judge it, whatever happens."""

import asyncio
import fcntl
import io
import json
import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from bulk_support import Row, files, photographed, until, verdicts, written
from conftest import SAMPLES, encode
from pyarrow import parquet
from release_support import edit_member, encoder, listed, tiny_release
from thinking_support import Behaviour, FakeVllm, complete, status, turns
from typer.testing import CliRunner, Result

from idiff.answer.release import load
from idiff.bulk import worker
from idiff.bulk.pairs import Pair
from idiff.cli import app
from idiff.config import Settings

PAIRS = 9


def bulk(*arguments: object) -> Result:
    """Run the command in this process."""
    return CliRunner().invoke(app, ["bulk", *map(str, arguments)])


def local(pairs: Path, out: Path, *arguments: object) -> Result:
    return bulk(pairs, "--out", out, "--engine", "local", *arguments)


def summary(out: Path) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((out / "_summary.json").read_text())
    return found


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Of photos."""
    return tmp_path_factory.mktemp("photos")


@pytest.fixture(scope="module")
def rows(folder: Path) -> list[Row]:
    """A list in which three pairs cannot be judged."""
    rows = photographed(folder, PAIRS)
    (folder / "broken.jpg").write_bytes((folder / "0a.jpg").read_bytes()[:600])
    (folder / "text.jpg").write_text("no picture")
    rows[2]["image_b"] = "broken.jpg"
    rows[4]["image_a"] = "text.jpg"
    rows[5]["image_b"] = "nowhere.jpg"
    return rows


@pytest.fixture(scope="module")
def pairs(folder: Path, rows: list[Row]) -> Path:
    return written(folder / "pairs.parquet", rows)


@pytest.fixture(scope="module")
def whole(pairs: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The verdicts of a run that nothing disturbed."""
    out = tmp_path_factory.mktemp("whole")
    done = local(pairs, out, "--workers", 2, "--rows-per-file", 2)
    assert done.exit_code == 0, done.output
    return out


def test_verdicts_are_those_of_compare(whole: Path, rows: list[Row], folder: Path) -> None:
    found = verdicts(whole)[1]
    images = [str(folder / rows[1][name]) for name in ("image_a", "image_b")]
    command = [sys.executable, "-m", "idiff", "compare", *images, "--category", rows[1]["category"], "--json"]
    answer = json.loads(subprocess.run(command, capture_output=True, check=True, timeout=120).stdout)
    for part in ("rationale", "features", "warnings", "provenance"):
        assert found[part] == answer[part]
    assert {name: found[name] for name in answer["verdict"]} == answer["verdict"]


def test_a_broken_photo_costs_its_pair_only(whole: Path, rows: list[Row]) -> None:
    found = verdicts(whole)
    assert [row["id"] for row in found] == [row["id"] for row in rows]
    told = {row["id"]: (row["error_code"], row["error_field"]) for row in found if row["error_code"]}
    assert told == {
        "pair 2": ("undecodable_image", "image_b"),
        "pair 4": ("unsupported_image", "image_a"),
        "pair 5": ("unreadable_image", "image_b"),
    }
    for row in found:
        assert (row["preferred"] is None) == (row["id"] in told)
        assert (row["error_message"] is None) == (row["id"] not in told)
    assert "nowhere.jpg" in found[5]["error_message"]
    counted = summary(whole)
    assert counted["judged"] == PAIRS - 3
    assert counted["errors"] == {"undecodable_image": 1, "unreadable_image": 1, "unsupported_image": 1}
    assert counted["rationales"] == {"measured": PAIRS - 3}
    assert sum(counted["preferred"].values()) == PAIRS - 3
    assert counted["providers"] == ["CPUExecutionProvider"]
    assert counted["pace"]["pairs"] == PAIRS


def children(process: subprocess.Popen[Any]) -> list[int]:
    return [int(pid) for pid in Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text().split()]


def workers(process: subprocess.Popen[Any]) -> list[int]:
    """Those of its children that judge."""
    return [pid for pid in children(process) if b"spawn_main" in Path(f"/proc/{pid}/cmdline").read_bytes()]


def lives(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False


def test_a_run_that_was_killed_goes_on(whole: Path, pairs: Path, tmp_path: Path) -> None:
    command = ["bulk", str(pairs), "--out", str(tmp_path), "--rows-per-file", "2", "--engine", "local"]
    with subprocess.Popen([sys.executable, "-m", "idiff", *command, "--workers", "1"]) as process:
        until(lambda: files(tmp_path) or process.poll(), 120)
        left = children(process)
        process.send_signal(signal.SIGKILL)
    assert process.returncode == -signal.SIGKILL
    kept = {name: (tmp_path / name).stat().st_mtime_ns for name in files(tmp_path)}
    assert 0 < len(kept) < len(files(whole))
    assert left
    until(lambda: not any(map(lives, left)), 30)
    assert CliRunner().invoke(app, [*command, "--workers", "1"]).exit_code == 0
    assert files(tmp_path) == files(whole)
    assert {name: (tmp_path / name).stat().st_mtime_ns for name in kept} == kept
    assert summary(tmp_path)["pace"]["pairs"] == PAIRS - 2 * len(kept)


def test_order_and_batch_change_nothing(whole: Path, rows: list[Row], folder: Path, tmp_path: Path) -> None:
    other = written(tmp_path / "pairs.csv", rows[3::-1])
    done = local(other, tmp_path / "out", "--root", folder, "--workers", 1, "--threads", 2, "--rows-per-file", 3)
    assert done.exit_code == 0, done.output
    assert sorted(files(tmp_path / "out")) == ["part-0000000.parquet", "part-0000001.parquet"]
    assert verdicts(tmp_path / "out") == verdicts(whole)[3::-1]


BAD = {
    "column": ({"image_b": None}, "has no column image_b"),
    "id": ({"id": "pair 1"}, "column id: 'pair 1' is there 2 times"),
    "photo": ({"image_a": ""}, "row 0 (the first is 0): column image_a is empty"),
    "category": ({"category": "pet"}, "row 0 (the first is 0): category is 'pet'; allowed are auto, person, scene"),
}


@pytest.mark.parametrize("suffix", [".csv", ".parquet"])
@pytest.mark.parametrize("wrong", BAD)
def test_a_list_that_is_none_is_refused(tmp_path: Path, rows: list[Row], wrong: str, suffix: str) -> None:
    cells, told = BAD[wrong]
    bad = [rows[0] | cells, *rows[1:]]
    if None in cells.values():
        bad = [{name: cell for name, cell in row.items() if name not in cells} for row in rows]
    done = local(written(tmp_path / f"pairs{suffix}", bad), tmp_path / "out")
    assert done.exit_code == 2
    assert done.stderr.startswith("idiff: pairs_refused: ")
    assert told in done.stderr
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    ("name", "content", "told"),
    [
        ("none.csv", None, "cannot be read"),
        ("text.parquet", "no table", "cannot be read"),
        ("ragged.csv", "image_a,image_b\nx,y,z\n", "cannot be read"),
        ("empty.csv", "image_a,image_b\n", "holds no pairs"),
        ("pairs.json", "{}", "is neither .parquet nor .csv"),
    ],
)
def test_a_file_that_is_no_list_is_refused(tmp_path: Path, name: str, content: str | None, told: str) -> None:
    if content is not None:
        (tmp_path / name).write_text(content)
    done = local(tmp_path / name, tmp_path / "out")
    assert (done.exit_code, told in done.stderr) == (2, True), done.stderr


def test_a_folder_of_another_run_is_refused(
    whole: Path, pairs: Path, rows: list[Row], folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = files(whole)

    def refused(told: str, *arguments: object, pairs: Path = pairs) -> None:
        done = local(pairs, whole, *arguments)
        assert (done.exit_code, done.stderr[:18]) == (2, "idiff: other_run: "), done.output
        assert told in done.stderr

    refused("rows_per_file was 2, now 3", "--rows-per-file", 3)
    same = "--rows-per-file", 2
    refused("rationale was auto, now none", *same, "--rationale", "none")
    refused(f"root was {folder}, now {tmp_path}", *same, "--root", tmp_path)
    refused("pairs was 9, now 8", *same, "--root", folder, pairs=written(tmp_path / "fewer.csv", rows[1:]))
    release = tmp_path / "release"
    shutil.copytree(Settings().release_folder, release)
    manifest = release / "manifest.json"
    manifest.write_text(manifest.read_text().replace('"created": "', '"created": " '))
    monkeypatch.setenv("IDIFF_RELEASE", str(release))
    refused("release_sha256 was", *same)
    monkeypatch.delenv("IDIFF_RELEASE")
    (tmp_path / "letter.txt").write_text("dear")
    done = local(pairs, tmp_path)
    assert (done.exit_code, "is no folder of verdicts" in done.stderr) == (2, True)
    assert files(whole) == before


def test_two_runs_do_not_write_one_folder(pairs: Path, tmp_path: Path) -> None:
    with (tmp_path / "_lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        done = local(pairs, tmp_path)
    assert (done.exit_code, done.stderr[:17]) == (2, "idiff: run_busy: ")


def test_files_that_were_changed_are_noticed(whole: Path, pairs: Path, tmp_path: Path) -> None:
    out = shutil.copytree(whole, tmp_path / "out")
    first, second = (out / f"part-000000{number}.parquet" for number in range(2))
    for content in (first.read_bytes(), second.read_bytes()[:-9]):
        second.write_bytes(content)
        done = local(pairs, out, "--rows-per-file", 2)
        assert done.exit_code == 2
        assert "idiff: incomplete: " in done.stderr


@pytest.mark.parametrize(("engine", "package"), [("ray", "ray"), ("local", "pyarrow")])
def test_what_is_not_installed_is_named(
    pairs: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, engine: str, package: str
) -> None:
    monkeypatch.setitem(sys.modules, package, None)
    done = bulk(pairs, "--out", tmp_path, "--engine", engine)
    assert done.exit_code == 2
    assert done.stderr.startswith(f"idiff: not_installed: --engine {engine} needs {package}: pip install")


def test_models_that_fail_for_good_end_the_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    dying = tiny_release(tmp_path / "dying")
    edit_member(dying, encoder=listed(dying, "person-0.encoder.onnx", encoder(fails_above=0.0)))
    monkeypatch.setenv("IDIFF_RELEASE", str(dying))
    night, day = (encode(np.full((300, 400, 3), grey, np.uint8)) for grey in (10, 240))
    for name, photo in (("night.png", night), ("day.png", day)):
        (tmp_path / name).write_bytes(photo)

    def of(*names: str) -> Path:
        pair = [{"image_a": f"{name}.png", "image_b": f"{name}.png", "category": "person"} for name in names]
        return written(tmp_path / f"{len(names)}.csv", pair)

    done = local(of("night", "day", "night"), tmp_path / "one", "--workers", 1)
    assert done.exit_code == 0, done.output
    assert [row["error_code"] for row in verdicts(tmp_path / "one")] == [None, "model_failed", None]
    done = local(of("day", "day", "day", "day"), tmp_path / "all", "--workers", 1)
    assert done.exit_code == 2
    assert done.stderr.splitlines()[-1].startswith("idiff: not_live: ")
    assert not files(tmp_path / "all")


def test_a_worker_that_dies_ends_the_run(pairs: Path, tmp_path: Path) -> None:
    command = [sys.executable, "-m", "idiff", "bulk", str(pairs), "--out", str(tmp_path), "--engine", "local"]
    with subprocess.Popen([*command, "--workers", "1"], stderr=subprocess.PIPE, text=True) as process:
        until(lambda: workers(process), 60)
        os.kill(workers(process)[0], signal.SIGKILL)
        assert process.stderr
        assert "idiff: worker_lost: a worker ended with status -9" in process.stderr.read()
    assert process.returncode == 2


def test_the_thinking_model_must_be_there_at_the_start(pairs: Path, tmp_path: Path) -> None:
    done = local(pairs, tmp_path, "--thinking-url", "http://127.0.0.1:9")
    assert (done.exit_code, done.stderr[:29]) == (2, "idiff: thinking_unavailable: "), done.stderr
    assert not files(tmp_path)


def explained(behaviour: Behaviour, pairs: int, patience_s: float = 0.0, **settings: Any) -> list[Row]:  # noqa: ANN401
    """What a worker makes of some pairs beside a Thinking Model that behaves so."""
    release = load(Settings().release_folder).manifest.fingerprint

    async def judged() -> bytes:
        async with FakeVllm(behaviour) as server:
            found = Settings(thinking_url=f"http://127.0.0.1:{server.port}", threads=1, **settings)
            judge = worker.Worker(worker.Task(found, release, str(SAMPLES), "auto", patience_s))
            try:
                return await judge([Pair("astronaut_a.jpg", "astronaut_b.jpg", str(n), "scene") for n in range(pairs)])
            finally:
                await judge.close()

    return list(parquet.read_table(io.BytesIO(asyncio.run(judged()))).to_pylist())


@pytest.mark.parametrize(
    ("patience_s", "told"), [(60.0, ("model", None)), (0.0, ("measured", "upstream_error"))], ids=["patient", "not"]
)
def test_a_model_that_is_away_is_waited_for_as_long_as_told(
    patience_s: float, told: tuple[str, str | None], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(worker, "AGAIN_S", 0.01)
    (row,) = explained(turns(status(500), status(500), complete()), pairs=1, patience_s=patience_s)
    assert (row["rationale"]["source"], row["rationale"]["reason"]) == told
    assert ("rationale_fallback" in {warning["code"] for warning in row["warnings"]}) == (told[0] == "measured")


def test_a_model_is_asked_for_no_more_at_once_than_it_may_be() -> None:
    now = most = 0
    two = asyncio.Event()

    async def counted(writer: asyncio.StreamWriter) -> None:
        nonlocal now, most
        now += 1
        most = max(most, now)
        if now == 2:
            two.set()
        await two.wait()
        await asyncio.sleep(1)  # time for a third
        now -= 1
        await complete()(writer)

    rows = explained(counted, pairs=4, thinking_concurrency=2)
    assert [row["rationale"]["source"] for row in rows] == ["model"] * 4
    assert most == 2
