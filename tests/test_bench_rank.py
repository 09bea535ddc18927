"""`idiff bench rank`: what it measures, and that its bursts are bursts."""

import json
from pathlib import Path

import numpy as np
from conftest import pixels
from imaging_support import scene
from release_support import tiny_release
from typer.testing import CliRunner

from idiff_models.bench.burst import burst
from idiff_models.bench.cli import app

RUN = CliRunner()


def test_rankings_and_their_pairs_are_measured_in_one_run(tmp_path: Path) -> None:
    environment = {"IDIFF_RELEASE": str(tiny_release(tmp_path / "tiny")), "IDIFF_THREADS": "2"}
    asked = ["rank", "--photos", "3", "--photos", "2", "--megapixels", "0.2"]
    done = RUN.invoke(app, [*asked, "--json"], env=environment)
    assert done.exit_code == 0, done.stderr
    report = json.loads(done.stdout)
    assert [(row["photos"], row["pairs"]) for row in report["rows"]] == [(2, 1), (3, 3)]
    for row in report["rows"]:
        assert 0 < row["reading"] < row["ranking"]["wall"]
        assert 0 < row["verdicts"] < row["ranking"]["wall"]
        assert row["comparing"]["wall"] > 0
    assert report["rows"][0]["comparing"]["wall"] < report["rows"][1]["comparing"]["wall"], (
        "of them one, of these three"
    )
    agreed = report["agreement"]
    assert (agreed["pairs"], report["bursts"]) == (3, 1)
    assert agreed["sure_agreeing"] <= agreed["sure"] <= 3
    text = RUN.invoke(app, asked, env=environment).stdout
    assert len([line for line in text.splitlines() if line.startswith("|")]) == 4


def test_a_burst_is_the_same_again_and_no_shot_is_like_another() -> None:
    photo = scene(700, 500)
    files = list(burst(photo, 4, 0.3, seed=1))
    assert list(burst(photo, 3, 0.3, seed=1)) == files[:3]
    assert list(burst(photo, 2, 0.3, seed=2)) != files[:2]
    shots = [pixels(file) for file in files]
    assert {shot.shape for shot in shots} == {shots[0].shape}
    assert abs(np.prod(shots[0].shape[:2]) - 3e5) < 1e4
    assert all((shots[0] != shot).any() for shot in shots[1:])
