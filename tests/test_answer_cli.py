"""`idiff answer`: from a run file to a release that verifies, and pseudo-labels to train on."""

import csv
import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

for package in ("torch", "timm", "onnxscript", "piq"):
    pytest.importorskip(package, reason="needs the train extra")

from cache_support import SIDE, bright_cache  # noqa: E402

from idiff.answer.release import load  # noqa: E402
from idiff.cli import app as idiff_app  # noqa: E402
from idiff_models.answer.cli import app  # noqa: E402

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
    refused = runner.invoke(app, [*asked, "--precision", "int8"])
    assert refused.exit_code == 2
    assert "no matrix products to quantise" in refused.output


def test_an_export_without_a_member_is_refused_in_one_line(tmp_path: Path) -> None:
    asked = ["export", str(tmp_path), "--cache", str(tmp_path), "--out", str(tmp_path / "out"), "--version", "x"]
    refused = runner.invoke(app, asked)
    assert refused.exit_code == 2
    assert "member.pt" in refused.output
    assert "Traceback" not in refused.output


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
