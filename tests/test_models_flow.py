"""From photographs to a measured release: every step of `idiff answer`, tiny."""

from pathlib import Path

import cv2
import numpy as np
import pytest
from typer.testing import CliRunner

for package in ("torch", "timm", "onnxscript"):
    pytest.importorskip(package, reason="needs the train extra")

from idiff.answer.release import load  # noqa: E402
from idiff_models.answer import cli, steps  # noqa: E402
from idiff_models.answer.cache import read  # noqa: E402
from idiff_models.answer.photos import split_of  # noqa: E402
from idiff_models.answer.starter import Plan  # noqa: E402
from idiff_models.answer.training import Stage  # noqa: E402


@pytest.fixture
def data(tmp_path: Path) -> Path:
    """Four synthetic photographs a split, half of them labelled person."""
    rng = np.random.default_rng(0)
    folder, rows = tmp_path / "data" / "photos", ["photo,category"]
    folder.mkdir(parents=True)
    wanted = dict.fromkeys(("train", "validation", "test"), 4)
    for index in range(100):
        name = f"p{index}.jpg"
        if wanted[split_of(name)]:
            wanted[split_of(name)] -= 1
            coarse = rng.integers(0, 256, (40, 40, 3), np.uint8)
            cv2.imwrite(str(folder / name), cv2.resize(coarse, (400, 400), interpolation=cv2.INTER_CUBIC))
            rows.append(f"{name},{'person' if wanted[split_of(name)] % 2 else 'scene'}")
    (tmp_path / "labels.csv").write_text("\n".join(rows) + "\n")
    assert not any(wanted.values())
    return tmp_path / "data"


@pytest.mark.slow
def test_photographs_become_a_measured_release(data: Path, tmp_path: Path) -> None:
    stage = Stage(steps=2, lr=1e-3, batch=2)
    plan = Plan(
        train_scenes=16,
        validation_pairs=12,
        test_pairs=12,
        families=("convnext",),
        labels=tmp_path / "labels.csv",
        general=stage,
        specialist=stage,
    )
    work, out = tmp_path / "work", tmp_path / "out"
    steps.pairs(work, data, 1, plan)
    cache = read(work / "cache", "train")
    assert cache.views.shape == (16, 3, 2, 144, 144, 3)
    assert all(split_of(photo) == "train" for photo in cache.photos)
    assert all(scene[0, 1].std() > 0 and not np.array_equal(scene[0], scene[-1]) for scene in cache.views)
    steps.train(work, 1, plan)
    steps.export(work, out, 1, plan)
    steps.release(work, out, data, 1, plan)
    report = steps.evaluate(work, out, data, 1, plan)
    manifest = load(out).manifest
    assert [member.name for member in manifest.members] == ["person-convnext", "scene-convnext"]
    assert report.overall.pairs == 12
    assert len(report.statistics) == 20
    assert {record.category for record in manifest.measured} == {"all", "person", "scene"}
    assert manifest.training["general_steps"] == 2
    assert str(report.overall) in (out / "MODEL_CARD.md").read_text()
    stamp = (work / "members" / "general-convnext.pt").stat().st_mtime_ns
    steps.train(work, 1, plan)
    assert (work / "members" / "general-convnext.pt").stat().st_mtime_ns == stamp


def test_without_the_training_packages_the_command_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cli, "_there", lambda name: name != "torch")
    answer = CliRunner().invoke(cli.app, ["train"])
    assert answer.exit_code == 2
    assert "idiff[cpu,train]" in answer.output
