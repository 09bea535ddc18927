"""`idiff calibrate`: how sure a release may be, from a customer's own labelled pairs."""

import csv
import hashlib
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import typer
from conftest import encode
from release_support import edit, edit_member, read, tiny_release
from typer.testing import CliRunner, Result

pytest.importorskip("tqdm", reason="not installed: the train extra")

from idiff.answer.release import load
from idiff.answer.rules import combine
from idiff.cli import attach
from idiff.types import Features, PhotoFeatures, Statistics
from idiff_models.calibrate.cli import calibrate
from idiff_models.calibrate.recalibrate import CannotCalibrate, Source, Wanted, recalibrate
from idiff_models.evaluate.pairwise import PairJudged

SOURCE = Source("ours.csv", "0" * 64)


def run(*arguments: object) -> Result:
    """Run `idiff calibrate`."""
    app = typer.Typer()
    app.callback()(lambda: None)
    attach(app, "calibrate", calibrate)
    return CliRunner().invoke(app, ["calibrate", *map(str, arguments)], catch_exceptions=False)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A release whose members prefer the brighter photo."""
    return tiny_release(tmp_path / "tiny", members=2)


def judged(count: int, seed: int, category: str = "scene", sharpness: float | None = None) -> list[PairJudged]:
    """Pairs that both members judge rightly, but `sharpness` times as sure as they may be; else the second guesses."""
    rng = np.random.default_rng(seed)
    odds = rng.normal(0, 2, count)
    targets = (rng.random(count) < 1 / (1 + np.exp(-odds))).astype(float)
    second = rng.normal(size=count) if sharpness is None else sharpness * odds
    votes = [
        {f"{category}-0": (sharpness or 1) * first, f"{category}-1": other}
        for first, other in zip(odds.tolist(), second.tolist(), strict=True)
    ]
    return [
        PairJudged(str(n), category, "", float(target), logit=combine("mean", [*vote.values()], [1, 1]), votes=vote)
        for n, (target, vote) in enumerate(zip(targets, votes, strict=True))
    ]


def test_calibration_lowers_the_error_and_reaches_the_goal(folder: Path) -> None:
    manifest = load(folder).manifest
    pairs = judged(2000, 0, sharpness=6)
    new = recalibrate(manifest, pairs, SOURCE, Wanted(goal=0.85))
    scene, fitted = new.calibration["scene"], new.calibration["scene"].fitted
    assert fitted is not None
    assert fitted.ece < 0.03
    assert fitted.ece_before > 0.15
    assert scene.temperature == pytest.approx(6, rel=0.1)
    assert fitted.accuracy == pytest.approx(0.85, abs=0.01)
    assert (fitted.data, fitted.sha256, fitted.pairs, fitted.goal) == ("ours.csv", "0" * 64, 2000, 0.85)
    accepted = [
        abs(pair.logit) / scene.temperature >= np.log(scene.too_close / (1 - scene.too_close)) for pair in pairs
    ]
    assert np.mean(accepted) == pytest.approx(fitted.accepted, abs=0.002)
    assert new.calibration["person"] == manifest.calibration["person"]
    assert new.version.startswith("tiny-1+")
    assert new.version != recalibrate(manifest, pairs[:1000], SOURCE, Wanted()).version
    assert new.members == manifest.members
    assert new.measured == manifest.measured


def test_enough_pairs_become_the_reference_of_drift(folder: Path) -> None:
    manifest = load(folder).manifest
    rng = np.random.default_rng(0)

    def photo() -> PhotoFeatures:
        statistics = Statistics(*rng.random(10).tolist())
        return PhotoFeatures(statistics, replace(statistics, brightness=0.0))

    pairs = [replace(pair, features=Features(photo(), photo())) for pair in judged(250, 0)]
    new = recalibrate(manifest, pairs, SOURCE, Wanted())
    assert new.reference
    assert (new.reference.data, new.reference.photos) == ("ours.csv", 500)
    uniform, constant = (new.reference.features[name] for name in ("global.entropy", "crop.brightness"))
    assert uniform.edges == pytest.approx([0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9], abs=0.06)
    assert (constant.edges, constant.shares) == ((), (1.0,))
    assert recalibrate(new, pairs[:199], SOURCE, Wanted()).reference == new.reference
    assert recalibrate(manifest, pairs[:199], SOURCE, Wanted()).reference is None


def test_a_second_calibration_replaces_the_first(folder: Path) -> None:
    manifest = load(folder).manifest
    once = recalibrate(manifest, judged(200, 0), SOURCE, Wanted())
    twice = recalibrate(once, judged(200, 0), SOURCE, Wanted())
    assert twice.calibration["scene"].temperature == once.calibration["scene"].temperature
    assert twice.version.count("+") == 1
    assert twice.calibration["scene"].fitted.ece_before == once.calibration["scene"].fitted.ece


def test_equal_pairs_ask_for_less_confidence(folder: Path) -> None:
    manifest = load(folder).manifest
    pairs = judged(200, 0)
    equal = [PairJudged(f"equal {p.name}", p.category, "", 0.5, logit=p.logit, votes=p.votes) for p in pairs]
    unlabelled = [PairJudged(f"no {p.name}", p.category, "", None, logit=p.logit, votes=p.votes) for p in pairs]
    firm, soft, same = (
        recalibrate(manifest, found, SOURCE, Wanted()).calibration["scene"]
        for found in (pairs, [*pairs, *equal], [*pairs, *unlabelled])
    )
    assert soft.temperature > firm.temperature
    assert same == firm


def test_weights_are_the_members_accuracies(folder: Path) -> None:
    manifest = load(folder).manifest
    both = [*judged(1000, 0), *judged(1000, 1, "person")]
    new = recalibrate(manifest, both, SOURCE, Wanted(rule="weighted"))
    weights = {member.name: member.weight for member in new.members}
    assert weights["scene-1"] == pytest.approx(0.5, abs=0.05)
    assert weights["scene-0"] > 0.7
    assert new.rule == "weighted"
    assert new.measured == ()
    back = recalibrate(new, both, SOURCE, Wanted(rule="majority"))
    assert {member.weight for member in back.members} == {1.0}


def test_too_few_pairs_are_refused(folder: Path) -> None:
    manifest = load(folder).manifest
    with pytest.raises(CannotCalibrate, match="nothing to calibrate: person has 0 labelled pairs, fewer than 30"):
        recalibrate(manifest, judged(29, 0), SOURCE, Wanted())
    with pytest.raises(CannotCalibrate, match="the rule majority needs every category calibrated: person has 0"):
        recalibrate(manifest, judged(30, 0), SOURCE, Wanted(rule="majority"))


def table(folder: Path, rows: list[tuple[int, int, str, str]]) -> Path:
    """A CSV of flat pairs: tones of A and B, label, category."""
    for tone in {tone for row in rows for tone in row[:2]}:
        (folder / f"{tone}.png").write_bytes(encode(np.full((40, 48, 3), tone, np.uint8)))
    path = folder / "ours.csv"
    with path.open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["image_a", "image_b", "label", "category"])
        writer.writerows((f"{a}.png", f"{b}.png", label, category) for a, b, label, category in rows)
    return path


# Brighter is better in four of five: the release is right so often.
ROWS = [(90 + n, 60 + 2 * n, "B" if n % 5 == 0 else "A", "scene") for n in range(12)]


def test_a_new_release_is_written_and_can_be_served(tmp_path: Path, folder: Path) -> None:
    pairs = table(tmp_path, [*ROWS, (100, 80, "A", "person"), (100, 80, "", "scene")])
    out = tmp_path / "new" / "release"
    answer = run(pairs, "--release", folder, "--out", out, "--goal", 0.95, "--min-pairs", 12)
    assert answer.exit_code == 0, answer.output
    assert "person: 1 labelled pairs, fewer than 12; it keeps its calibration" in answer.stdout
    assert "scene: 12 labelled pairs of ours.csv" in answer.stdout
    assert "not reached without more ties" in answer.stdout
    release = load(out)
    assert f"wrote {out}: {release.manifest.version}" in answer.stdout
    assert release.graphs == load(folder).graphs
    fitted = release.manifest.calibration["scene"].fitted
    assert fitted is not None
    assert fitted.sha256 == hashlib.sha256(pairs.read_bytes()).hexdigest()
    assert [path.name for path in out.parent.iterdir()] == ["release"]
    again = run(pairs, "--release", folder, "--out", out)
    assert again.exit_code == 2
    assert f"{out} exists" in again.stderr


def test_pairs_that_cannot_be_judged_are_left_out_aloud(tmp_path: Path, folder: Path) -> None:
    pairs = table(tmp_path, ROWS)
    (tmp_path / "90.png").unlink()
    answer = run(pairs, "--release", folder, "--out", tmp_path / "new", "--min-pairs", 11)
    assert answer.exit_code == 0, answer.output
    assert "is left out: " in answer.stderr
    assert "90.png" in answer.stderr
    assert "scene: 11 labelled pairs" in answer.stdout


@pytest.mark.parametrize("fault", ["no pairs", "few pairs", "no release", "broken release", "no image"])
def test_what_cannot_be_used_is_said_in_a_line(tmp_path: Path, folder: Path, fault: str) -> None:
    pairs = table(tmp_path, ROWS)
    said = {
        "no pairs": "cannot be read",
        "few pairs": "nothing to calibrate",
        "no release": "manifest.json cannot be read",
        "broken release": "weights other than 1",
        "no image": "nothing to calibrate",
    }[fault]
    release = tmp_path / "none" if fault == "no release" else folder
    if fault == "no pairs":
        pairs.unlink()
    elif fault == "broken release":
        edit_member(folder, weight=3.0)
    elif fault == "no image":
        for path in tmp_path.glob("*.png"):
            path.unlink()
    answer = run(pairs, "--release", release, "--out", tmp_path / "new")
    assert answer.exit_code == 2
    assert said in answer.stderr.splitlines()[-1]
    assert answer.stderr.splitlines()[-1].startswith("idiff: ")
    assert not (tmp_path / "new").exists()


def test_release_without_its_rule_changed_keeps_fitted_weights(folder: Path) -> None:
    manifest = read(folder)
    for member, weight in zip(manifest["members"], (1, 2, 3, 4), strict=True):
        member["weight"] = weight
    edit(folder, rule="weighted", members=manifest["members"])
    new = recalibrate(load(folder).manifest, judged(100, 0), SOURCE, Wanted())
    assert [member.weight for member in new.members] == [1, 2, 3, 4]
