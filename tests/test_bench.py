"""`idiff bench answer`: what it measures, on what it says it ran, and what it refuses."""

import json
from pathlib import Path

import pytest
from release_support import tiny_release
from typer.testing import CliRunner

from idiff.answer.release import read_manifest
from idiff.answer.session import Session
from idiff_models.bench import timing
from idiff_models.bench.cli import app

for _needed in ("torch", "timm", "onnxscript"):
    pytest.importorskip(_needed, reason="needs the train extra")

from idiff_models.answer import backbones  # noqa: E402
from idiff_models.bench import untrained  # noqa: E402

RUN = CliRunner()


@pytest.fixture
def release(tmp_path: Path) -> Path:
    return tiny_release(tmp_path / "tiny", members=2)


def test_every_member_and_ensemble_is_measured_at_every_batch(release: Path) -> None:
    asked = "--batch 3 --batch 1 --threads 2 --repeats 2 --provider cpu --json"
    done = RUN.invoke(app, ["answer", "--release", str(release), *asked.split()])
    assert done.exit_code == 0, done.stderr
    report = json.loads(done.stdout)
    assert (report["release"], report["provider"], report["threads"]) == ("tiny-1", "CPUExecutionProvider", 2)
    assert report["hardware"]["cpu"]
    assert report["hardware"]["cores"] >= 1
    assert report["hardware"]["onnxruntime"].startswith("onnxruntime")
    members = ["person-0", "person-1", "scene-0", "scene-1"]
    ensembles = ["person ensemble", "scene ensemble"]
    wanted = {(name, batch) for name in members + ensembles for batch in (1, 3)}
    wanted |= {("person judge", 1), ("scene judge", 1)}
    rows = {(row["name"], row["batch"]): row["timing"] for row in report["rows"]}
    assert set(rows) == wanted
    for measured in rows.values():
        assert 0 < measured["p50_ms"] <= measured["p95_ms"]
        assert measured["pairs_per_s"] > 0
        assert measured["core_ms_per_pair"] >= 0


def test_the_report_names_the_hardware_and_has_a_line_a_row(release: Path) -> None:
    done = RUN.invoke(app, ["answer", "--release", str(release), "--batch", "2", "--repeats", "1"])
    assert done.exit_code == 0, done.stderr
    assert "Release tiny-1 on CPUExecutionProvider, onnxruntime" in done.stdout
    lines = [line for line in done.stdout.splitlines() if line.startswith("|")]
    assert len(lines) == 2 + 4 + 2 + 2
    assert len({line.count("|") for line in lines}) == 1


def test_a_provider_that_would_fall_back_is_refused(release: Path) -> None:
    if _runs_on_cuda(release):
        pytest.skip("this machine has CUDA")
    done = RUN.invoke(app, ["answer", "--release", str(release), "--provider", "cuda"])
    assert done.exit_code == 2
    assert "CUDAExecutionProvider" in done.stderr
    assert done.stdout == ""


def _runs_on_cuda(release: Path) -> bool:
    try:
        Session("probe", (release / "person-0.head.onnx").read_bytes(), "cuda")
    except Exception:
        return False
    return True


@pytest.mark.parametrize(
    ("options", "said"),
    [(["--release", "nowhere"], "manifest.json cannot be read"), (["--batch", "0"], "--batch")],
)
def test_what_cannot_be_measured_is_said_in_a_line(options: list[str], said: str) -> None:
    done = RUN.invoke(app, ["answer", *options], env={"COLUMNS": "200"})
    assert done.exit_code == 2
    assert said in done.stderr
    assert "Traceback" not in done.stderr


def test_jobs_take_turns_and_are_warmed_up_first(monkeypatch: pytest.MonkeyPatch) -> None:
    calls: list[str] = []
    clock = iter(range(1000))
    monkeypatch.setattr(timing.time, "perf_counter", lambda: float(next(clock)))
    jobs = {"a": lambda: calls.append("a"), "b": lambda: calls.append("b")}
    measured = timing.measure(jobs, {"a": 1, "b": 4}, repeats=3)
    assert "".join(calls) == "ab" + "ab" + "ba" + "ab"
    assert measured["a"].p50_ms == measured["a"].p95_ms == 1000
    assert measured["a"].pairs_per_s == 1
    assert measured["b"].pairs_per_s == 4


@pytest.mark.full
@pytest.mark.timeout(1800)
@pytest.mark.parametrize(
    ("scale", "families", "parameters"), [("starter", ("efficientnet",), 0.5e6), ("full", backbones.FAMILIES, 200e6)]
)
def test_an_untrained_release_is_one_to_be_measured(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, scale: str, families: tuple[str, ...], parameters: float
) -> None:
    """Served and timed like any other; it says that it was never trained."""
    monkeypatch.setattr(untrained, "FAMILIES", families)
    folder = tmp_path / "untrained"
    command = ["untrained", str(folder), "--scale", scale, "--precision", "fp16-compute"]
    made = RUN.invoke(app, command)
    assert made.exit_code == 0, made.output
    again = RUN.invoke(app, command)
    assert (again.exit_code, "exists" in again.stderr) == (2, True)
    manifest = read_manifest(folder)
    assert "random weights" in str(manifest.training["note"])
    person = [member for member in manifest.members if member.domain == "person"]
    assert [member.backbone for member in person] == list(families)
    assert sum(member.parameters for member in person) > parameters
    done = RUN.invoke(app, ["answer", "--release", str(folder), "--batch", "1", "--repeats", "1", "--json"])
    assert done.exit_code == 0, done.stderr
    assert len(json.loads(done.stdout)["rows"]) == 2 * len(families) + 4
