"""From photographs to a measured release: every step of `idiff starter`, tiny."""

from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest
from typer.testing import CliRunner

for package in ("torch", "timm", "onnxscript"):
    pytest.importorskip(package, reason="needs the train extra")

from idiff.answer.release import load  # noqa: E402
from idiff_models import needs  # noqa: E402
from idiff_models.answer import cli, steps  # noqa: E402
from idiff_models.answer.cache import Cache  # noqa: E402
from idiff_models.answer.photos import split_of  # noqa: E402
from idiff_models.answer.starter import Plan  # noqa: E402
from idiff_models.answer.training import RunError  # noqa: E402
from idiff_models.calibrate import reference  # noqa: E402


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


@pytest.mark.full
def test_photographs_become_a_measured_release(data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    plan = Plan(
        start=None,
        train_scenes=16,
        renditions=3,
        validation_scenes=8,
        validation_pairs=12,
        test_pairs=24,
        families=("convnext",),
        labels=tmp_path / "labels.csv",
        batch=2,
        general_steps=2,
        special_steps=2,
        compile=False,
    )
    work, out = tmp_path / "work", tmp_path / "out"
    steps.pairs(work, data, 1, plan)
    cache = Cache.read(work / "cache", "train")
    assert cache.views.shape == (16, 3, 3, 144, 144, 3)
    assert all(split_of(photo) == "train" for photo in cache.photos)
    assert all(scene[0, 1].std() > 0 for scene in cache.views)
    np.testing.assert_allclose(cache.targets + cache.targets.transpose(0, 2, 1), 1, atol=1e-6)
    steps.train(work, 1, plan)
    steps.export(work, out, 1, plan)
    monkeypatch.setattr(reference, "FEWEST", 48)
    steps.referred(out, data, 1, plan)
    steps.calibrated(out, data, 1, plan)
    summary = steps.evaluate(work, out, data, 1, plan)
    manifest = load(out).manifest
    assert [member.name for member in manifest.members] == ["person-convnext", "scene-convnext"]
    assert {member.tiles for member in manifest.members} == {4}
    assert summary.pairs + summary.equal == 24
    assert len(summary.simple) >= 20
    assert {record.category for record in manifest.measured} == {"all", "person", "scene"}
    assert manifest.reference
    assert str(manifest.reference) == "48 photos, renditions of 16 training scenes"
    assert len(manifest.reference.features) == 20
    assert all(fitted.fitted is not None for fitted in manifest.calibration.values())
    card = (out / "MODEL_CARD.md").read_text()
    assert str(summary.overall) in card
    assert f"general-convnext | {plan.seed + 3} | 2 |" in card
    assert all((out / name).stat().st_size > 5000 for name in ("reliability.png", "risk_coverage.png"))
    stamp = (work / "runs" / "general-convnext" / "member.pt").stat().st_mtime_ns
    steps.train(work, 1, plan)
    assert (work / "runs" / "general-convnext" / "member.pt").stat().st_mtime_ns == stamp
    assert "torch and ONNX Runtime differ by" in manifest.training["person-convnext"]
    longer = replace(plan, general_steps=3)
    with pytest.raises(RunError, match=r"member\.pt is of another run \(steps: 2 there, 3 here\)"):
        steps.train(work, 1, longer)
    with pytest.raises(RunError, match="was made with another general_steps: 2"):
        steps.evaluate(work, out, data, 1, longer)


def test_without_the_training_packages_the_command_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(needs, "there", lambda name: name != "torch")
    answer = CliRunner().invoke(cli.app, ["fit", "run.toml"])
    assert answer.exit_code == 2
    assert "idiff[cpu,train]" in answer.output
