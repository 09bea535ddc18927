"""`idiff release`, and that a release that cannot be used is refused by it and by the service, in the same words."""

import asyncio
import json
import shutil
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
from fastapi.testclient import TestClient
from release_support import (
    DAMAGE,
    behind_a_frontend,
    edit,
    edit_member,
    encoder,
    head,
    listed,
    read,
    reference,
    tiny_release,
    write,
)
from typer.testing import CliRunner, Result

from idiff.answer.ensemble import Ensemble
from idiff.answer.release import load
from idiff.app import create_app
from idiff.cli import app
from idiff.config import Settings
from idiff.errors import ReleaseRefused
from idiff.types import Alignment, Category, PhotoViews, Size, Views


def release(*arguments: object) -> Result:
    """Run `idiff release`."""
    return CliRunner().invoke(app, ["release", *map(str, arguments)], catch_exceptions=False)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A sound release."""
    return tiny_release(tmp_path / "tiny")


def reason(folder: Path) -> str:
    """Why a service does not start on the release."""
    with TestClient(create_app(Settings(release=folder)), raise_server_exceptions=False) as client:
        deadline = time.monotonic() + 30
        while "loading" in (answer := client.get("/readyz")).text and time.monotonic() < deadline:
            time.sleep(0.01)
        assert answer.status_code == 503
        message: str = answer.json()["error"]["message"]
    return message


def test_verify_prints_a_line_a_check(folder: Path) -> None:
    answer = release("verify", folder, folder)
    assert answer.exit_code == 0, answer.output
    lines = answer.stdout.splitlines()
    assert lines[:4] == [
        str(folder),
        "  ok  manifest: tiny-1, 2 members, rule mean",
        "  ok  checksums: 4 graphs, 0.0 MB",
        "  ok  person-0: loads and runs, opset 20, views (n, 2, 3, 32, 32) to 4 numbers",
    ]
    assert len(lines) == 2 * (3 + 2 * 3)


def test_verify_takes_members_of_more_tiles(tmp_path: Path) -> None:
    answer = release("verify", tiny_release(tmp_path / "tiles", tiles=9))
    assert answer.exit_code == 0, answer.output
    assert "views (n, 10, 3, 32, 32)" in answer.stdout


def test_verify_takes_members_behind_a_front_end(folder: Path) -> None:
    behind_a_frontend(folder)
    answer = release("verify", folder)
    assert answer.exit_code == 0, answer.output
    assert "person-0: loads and runs, opset 20, views (n, 2, 3, 32, 32) behind a front end" in answer.stdout


@pytest.mark.parametrize("damage", DAMAGE)
def test_a_broken_release_is_refused_everywhere(folder: Path, damage: str) -> None:
    breaks, message = DAMAGE[damage]
    breaks(folder)
    answer = release("verify", folder)
    assert answer.exit_code == 1
    assert message in answer.stderr
    assert answer.stderr.startswith(f"idiff: release_refused: {folder}: ")
    assert len(answer.stderr.strip().splitlines()) == 1
    assert reason(folder) == answer.stderr.strip().removeprefix("idiff: release_refused: ")


def test_verify_stops_at_the_first_bad_release(tmp_path: Path, folder: Path) -> None:
    broken = tmp_path / "broken"
    shutil.copytree(folder, broken)
    (broken / "scene-0.head.onnx").unlink()
    answer = release("verify", broken, folder)
    assert answer.exit_code == 1
    assert str(folder) not in answer.stdout.splitlines()


def test_a_head_that_favours_a_side_is_refused(folder: Path) -> None:
    edit_member(folder, head=listed(folder, "person-0.head.onnx", head(one_sided=0.01)))
    answer = release("verify", folder)
    assert answer.exit_code == 1
    assert "person-0: swapping the photos does not negate the logit, 0.02 remains" in answer.stderr


def test_an_encoder_that_mixes_photos_is_refused(folder: Path) -> None:
    onnx = pytest.importorskip("onnx")
    model = onnx.load_from_string(encoder())
    model.graph.node[-1].output[0] = "own"
    model.graph.node.extend(
        [
            onnx.helper.make_node("ReduceMax", ["own", "first"], ["all"], keepdims=1),
            onnx.helper.make_node("Add", ["own", "all"], ["embedding"]),
        ]
    )
    model.graph.initializer.append(onnx.numpy_helper.from_array(np.array([0]), "first"))
    edit_member(folder, encoder=listed(folder, "person-0.encoder.onnx", model.SerializeToString()))
    answer = release("verify", folder)
    assert answer.exit_code == 1
    assert "person-0: an embedding changes by" in answer.stderr


def test_int8_encoders_are_not_held_to_batches(folder: Path) -> None:
    edit_member(folder, precision="int8")
    answer = release("verify", folder)
    assert answer.exit_code == 0
    assert "person-0: int8: its scales depend on the batch" in answer.stdout


def test_an_encoder_that_sees_nothing_is_refused(folder: Path) -> None:
    onnx = pytest.importorskip("onnx")
    model = onnx.load_from_string(encoder())
    model.graph.initializer[0].CopyFrom(onnx.numpy_helper.from_array(np.zeros((6, 4), np.float32), "w"))
    edit_member(folder, encoder=listed(folder, "person-0.encoder.onnx", model.SerializeToString()))
    answer = release("verify", folder)
    assert answer.exit_code == 1
    assert "person-0: gives every pair the same logit" in answer.stderr


def test_show_prints_what_the_manifest_says(folder: Path) -> None:
    fitted = {"data": "ours.csv", "sha256": "0" * 64, "pairs": 80, "goal": 0.9, "accuracy": 0.91, "accepted": 0.7}
    calibration = read(folder)["calibration"]
    calibration["scene"]["fitted"] = fitted | {"ece_before": 0.12, "ece": 0.034}
    edit(folder, calibration=calibration, training={"seed": 42}, reference=reference())
    text = release("show", folder).stdout
    for part in ("Release tiny-1", "Rule mean", "person-0", "2 x 32", "temperature 1, too close below 0.6"):
        assert part in text
    for part in (
        "ours.csv (80 pairs",
        "91.0% right (goal 90.0%)",
        "0.034, before 0.120",
        "80.00% of 9 pairs",
        "seed: 42",
        "Reference of the drift of features: 1000 photos, test",
    ):
        assert part in text
    shown = json.loads(release("show", "--json", folder).stdout)
    assert shown["calibration"]["scene"]["fitted"]["data"] == "ours.csv"


def test_show_needs_no_sound_graphs_but_a_manifest(folder: Path) -> None:
    (folder / "person-0.head.onnx").unlink()
    edit(folder, preprocessing="0")
    assert "preprocessing 0" in release("show", folder).stdout
    (folder / "manifest.json").unlink()
    answer = release("show", folder)
    assert answer.exit_code == 2
    assert "manifest.json cannot be read" in answer.stderr


def test_diff_names_every_difference(tmp_path: Path, folder: Path) -> None:
    assert release("diff", folder, folder).stdout == "no difference\n"
    other = tiny_release(tmp_path / "other", members=2)
    manifest = read(other)
    manifest["members"] = manifest["members"][1:]
    manifest["members"][1] |= {"weight": 2.0, "head": listed(other, "scene-0.head.onnx", head())}
    manifest["members"][1]["encoder"] = listed(other, "scene-0.encoder.onnx", encoder(opset=19))
    manifest["calibration"]["scene"]["temperature"] = 2.0
    manifest["measured"][0]["accuracy"] = 0.9
    changes = {"rule": "weighted", "version": "tiny-2", "training": {"seed": 42}, "reference": reference()}
    edit(folder, reference=reference(shares=[0.1, 0.9]))
    write(other, manifest | changes)
    lines = release("diff", folder, other).stdout.splitlines()
    assert lines[:5] == [
        "version: tiny-1 -> tiny-2",
        "rule: mean -> weighted",
        "member person-0: removed",
        "member person-1: added",
        "member scene-1: added",
    ]
    assert lines[5].startswith("member scene-0: encoder ")
    assert lines[5].endswith(", weight 1.0 -> 2.0")
    assert "head" not in lines[5]
    assert lines[6:] == [
        "calibration, scene: temperature 1, too close below 0.6 -> temperature 2, too close below 0.6",
        "measured, test: all 80.00% of 9 pairs -> all 90.00% of 9 pairs",
        "reference: 1000 photos, test, sha256 714932ead00f -> 1000 photos, test, sha256 00e516b9195a",
        "training, seed: none -> 42",
    ]


def test_diff_tells_what_a_calibration_was_fitted_on(tmp_path: Path, folder: Path) -> None:
    other = tiny_release(tmp_path / "other")
    fitted = {"data": "ours.csv", "pairs": 80, "goal": 0.9, "accuracy": 0.91, "accepted": 0.7, "ece_before": 0.1}
    for path, error in ((folder, 0.05), (other, 0.03)):
        calibration = read(path)["calibration"]
        calibration["scene"]["fitted"] = fitted | {"ece": error}
        edit(path, calibration=calibration)
    assert release("diff", folder, other).stdout.splitlines() == [
        "calibration, scene: no longer expected calibration error 0.050, before 0.100",
        "calibration, scene: expected calibration error 0.030, before 0.100",
    ]


def test_a_refused_release_leaves_the_running_one_as_it_is(folder: Path) -> None:
    photos = [
        PhotoViews(Size(64, 64), view, view, None) for view in (np.full((64, 64, 3), t, np.uint8) for t in (90, 80))
    ]
    views = Views(photos[0], photos[1], "given", Alignment("identity", np.eye(2, 3), 0, True), ())
    with ThreadPoolExecutor(1) as pool:
        running = Ensemble.load(load(folder), "cpu", pool)
        before = asyncio.run(running.judge(views, Category("scene", "given", None), pool))
        edit(folder, version="tiny-2")
        edit_member(folder, encoder=listed(folder, "person-0.encoder.onnx", encoder(name="features")))
        with pytest.raises(ReleaseRefused, match="features"):
            Ensemble.load(load(folder), "cpu", pool)
        assert running.manifest.version == "tiny-1"
        assert asyncio.run(running.judge(views, Category("scene", "given", None), pool)) == before
    assert before.preferred == "A"
