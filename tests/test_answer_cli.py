"""`idiff answer`: from a run file to a release that verifies, and pseudo-labels to train on."""

import csv
import json
from pathlib import Path

import cv2
import numpy as np
import pytest
from typer.testing import CliRunner

for package in ("torch", "timm", "onnxscript", "piq"):
    pytest.importorskip(package, reason="needs the train extra")

from cache_support import SIDE, bright_cache  # noqa: E402

from idiff.answer.release import load  # noqa: E402
from idiff.cli import app as idiff_app  # noqa: E402
from idiff_models.answer.cache import Cache  # noqa: E402
from idiff_models.answer.cli import app  # noqa: E402
from idiff_models.answer.photos import split_of  # noqa: E402

SAMPLES = Path(__file__).parents[1] / "service" / "idiff" / "samples"
runner = CliRunner()


@pytest.mark.slow
def test_a_run_file_becomes_a_release(tmp_path: Path) -> None:
    cache = bright_cache(tmp_path / "cache")
    lines = [
        f'cache = "{cache}"',
        'family = "efficientnet"',
        'scale = "starter"',
        "pretrained = false",
        "steps = 12",
        "batch = 4",
        "lr = 3e-3",
        f"side = {SIDE}",
        "workers = 0",
        "threads = 1",
    ]
    run = tmp_path / "tiny.toml"
    run.write_text("\n".join(lines) + "\n")
    fitted = tmp_path / "runs" / "tiny"
    assert runner.invoke(app, ["fit", str(run), "--out", str(fitted)]).exit_code == 0
    out = tmp_path / "release"
    asked = ["export", str(fitted), "--cache", str(cache), "--out", str(out), "--version", "tiny-1"]
    done = runner.invoke(app, asked)
    assert done.exit_code == 0, done.output
    manifest = load(out).manifest
    # Trained on all pairs, it judges both categories.
    assert [member.name for member in manifest.members] == ["person-tiny", "scene-tiny"]
    assert (manifest.version, manifest.members[0].tiles, manifest.members[0].input_size) == ("tiny-1", 4, SIDE)
    verified = runner.invoke(idiff_app, ["release", "verify", str(out)])
    assert verified.exit_code == 0, verified.output
    assert "12 steps of 4 scenes, seed 42" in manifest.training["tiny"]
    # EfficientNet has nothing that int8 suits: it ships as fp16, and the release says so.
    again = runner.invoke(app, [*asked, "--precision", "int8"])
    assert again.exit_code == 0, again.output
    assert "not int8: no matrix products to quantise" in load(out).manifest.training["tiny"]
    assert {member.precision for member in load(out).manifest.members} == {"fp16"}


def test_an_export_without_a_member_is_refused_in_one_line_and_leaves_what_was_there(tmp_path: Path) -> None:
    out = tmp_path / "out"
    out.mkdir()
    (out / "old.encoder.onnx").write_bytes(b"what serves now")
    asked = ["export", str(tmp_path), "--cache", str(tmp_path), "--out", str(out), "--version", "x"]
    refused = runner.invoke(app, asked)
    assert refused.exit_code == 2
    assert "member.pt" in refused.output
    assert "Traceback" not in refused.output
    assert [path.name for path in out.iterdir()] == ["old.encoder.onnx"]


@pytest.mark.parametrize("command", [["render", "pairs.csv"], ["export", "run", "--out", "x", "--version", "x"]])
def test_tiles_that_make_no_square_are_refused(command: list[str]) -> None:
    refused = runner.invoke(app, [*command, "--cache", "cache", "--tiles", "-1"])
    assert refused.exit_code == 2
    assert "1, 4 or 9" in refused.output


@pytest.mark.slow
def test_the_engines_scenes_become_a_cache_of_any_size(tmp_path: Path) -> None:
    photos, rng = tmp_path / "photos", np.random.default_rng(0)
    photos.mkdir()
    wanted = {"train": 1, "validation": 1}
    for name in (f"p{index}.jpg" for index in range(100)):
        if wanted.get(split_of(name), 0):
            wanted[split_of(name)] -= 1
            cv2.imwrite(str(photos / name), cv2.resize(rng.integers(0, 256, (40, 40, 3), np.uint8), (500, 400)))
    cache = tmp_path / "cache"
    asked = ["scenes", str(photos), "--cache", str(cache), "--count", "3", "--validation", "1", "--renditions", "2"]
    done = runner.invoke(app, [*asked, "--side", "224", "--tiles", "4", "--workers", "1"])
    assert done.exit_code == 0, done.output
    assert Cache.read(cache, "train").views.shape == (3, 2, 5, 224, 224, 3)
    assert Cache.read(cache, "validation").categories == ["scene"]
    refused = runner.invoke(app, ["scenes", str(tmp_path / "cache"), "--cache", str(cache)])
    assert refused.exit_code == 2
    assert "no validation photographs" in refused.output


@pytest.mark.slow
def test_pseudo_labels_keep_what_the_release_is_sure_of(tmp_path: Path) -> None:
    source, out = tmp_path / "pairs.csv", tmp_path / "more.csv"
    photos = [SAMPLES / f"astronaut_{side}.jpg" for side in "ab"]
    source.write_text(f"image_a,image_b\n{photos[0]},{photos[1]}\n{photos[0]},{photos[0]}\n")
    done = runner.invoke(app, ["pseudo", str(source), "--out", str(out), "--confidence", "0.6"])
    assert done.exit_code == 0, done.output
    with out.open(newline="") as lines:
        (row,) = csv.DictReader(lines)
    assert (row["target"], float(row["confidence"]) > 0.6) == ("1", True)
    assert json.loads(out.with_suffix(".json").read_text())["scored"] == 2
