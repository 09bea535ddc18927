"""`loadtest/acceptance.py` where it cannot pass: no card, another card, a card that ONNX Runtime does not use.

What it says of a machine that can is in tests/vllm/test_acceptance_small.py.
"""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from conftest import ROOT
from release_support import tiny_release

from acceptance import main
from idiff_load.acceptance.card import Memory
from idiff_load.acceptance.plan import FILE, Plan

CUDA = {"IDIFF_PROVIDER": "cuda", "IDIFF_THINKING_URL": "http://127.0.0.1:9", "IDIFF_THINKING_CANARY": "canary.json"}


@pytest.fixture
def environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """As on a machine with a card, but for the card; gives the folder in which programs are looked for."""
    programs = tmp_path / "programs"
    programs.mkdir()
    monkeypatch.setenv("PATH", str(programs))
    for name, value in CUDA.items():
        monkeypatch.setenv(name, value)
    return programs


def driver(programs: Path, answer: str, code: int = 0) -> None:
    """An nvidia-smi that says so, and of memory in use 40 GiB."""
    program = programs / "nvidia-smi"
    program.write_text(f"#!/bin/sh\ncase $* in *memory.used*) echo 40960 ;; *) echo '{answer}' ;; esac\nexit {code}\n")
    program.chmod(0o755)


def refused(capsys: pytest.CaptureFixture[str], out: Path, *words: str) -> str:
    assert main(["--out", str(out), *words]) == 2
    assert not out.exists()
    return capsys.readouterr().err


def test_a_card_that_is_missing_is_said_in_a_line(
    environment: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "out"
    assert "no NVIDIA card: there is no nvidia-smi" in refused(capsys, out)
    driver(environment, "No devices were found", 6)
    assert "no NVIDIA card: nvidia-smi says No devices were found" in refused(capsys, out)
    driver(environment, "NVIDIA L4, 23034, 580.95.05")
    assert "the card is NVIDIA L4, not H20" in refused(capsys, out)


@pytest.mark.parametrize(
    ("name", "value", "said"),
    [
        ("IDIFF_PROVIDER", "cpu", "IDIFF_PROVIDER=cpu leaves the card idle"),
        ("IDIFF_THINKING_URL", None, "IDIFF_THINKING_URL names no vLLM server"),
        ("IDIFF_THINKING_CANARY", None, "IDIFF_THINKING_CANARY names no canary.json"),
    ],
)
def test_settings_that_leave_something_out_are_refused(
    environment: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    name: str,
    value: str | None,
    said: str,
) -> None:
    monkeypatch.delenv(name) if value is None else monkeypatch.setenv(name, value)
    assert said in refused(capsys, tmp_path / "out")


def test_a_plan_with_unknown_keys_is_refused(
    environment: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    plan = tmp_path / "plan.toml"
    plan.write_text(FILE.read_text() + "minutes = 10\n")
    assert "soak.minutes" in refused(capsys, tmp_path / "out", "--plan", str(plan))


@pytest.mark.slow
def test_a_card_that_is_not_used_fails_the_acceptance(environment: Path, tmp_path: Path) -> None:
    """The driver tells of an H20, but there is no CUDA: ONNX Runtime would run all of it on the CPU, fast enough."""
    if shutil.which("nvidia-smi", path=os.defpath):
        pytest.skip("this machine has a card")
    driver(environment, "NVIDIA H20, 97871, 580.95.05")
    out, plan = tmp_path / "out", tmp_path / "plan.toml"
    release = tiny_release(tmp_path / "tiny", members=5)
    plan.write_text(FILE.read_text().replace("at_once = [1, 8, 16]\nrequests = 64", "at_once = [1]\nrequests = 1"))
    done = subprocess.run(
        [sys.executable, ROOT / "loadtest" / "acceptance.py", "--plan", plan, "--out", out],
        env=os.environ | {"IDIFF_RELEASE": str(release)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 1, done.stderr
    report = json.loads((out / "report.json").read_text())
    assert report["passed"] is False
    assert report["card"] == {"name": "NVIDIA H20", "memory_gib": 97871 / 1024, "driver": "580.95.05"}
    goals = {goal["measure"]: goal for goal in report["goals"]}
    assert goals["answer.members"]["met"]
    assert goals["answer.parameters"]["value"] == 5 * 24, "not of full size"
    assert goals["provider.as_required"]["value"] == 0
    assert goals["card.used_gib"]["value"] == 40
    assert [name for name, goal in goals.items() if goal["met"]] == ["answer.members", "card.used_gib"]
    told = {check["name"]: check["told"] for check in report["checks"]}
    assert "CUDAExecutionProvider is required" in told["answer"] or "cannot load" in told["answer"]
    assert "canary.json" in told["canary"]
    assert "soak" not in told
    text = (out / "report.md").read_text()
    assert text.startswith("# Acceptance: FAILED")
    assert "| answer.p95_ms | at most 10 | not measured | **FAIL** |" in text


def test_memory_that_grows_under_load_is_told_apart_from_that_of_the_start() -> None:
    steady = Memory([(at, 20 + min(at, 10)) for at in range(30)])
    assert (steady.most, steady.growth(0, 30)) == (30, 0)
    assert Memory([(at, 20 + at) for at in range(30)]).growth(0, 30) == pytest.approx(44.5 / 34.5 - 1)
    assert (Memory().most, Memory().growth(0, 30)) == (None, None)


def test_the_goals_are_those_that_are_promised() -> None:
    bounds = {goal.measure: (goal.min, goal.max) for goal in Plan.read(FILE).goals}
    promised = {
        "answer.p95_ms": (None, 10),
        "answer.pairs_per_s": (200, None),
        "rationale.p95_s": (None, 0.7),
        "rationale.per_s": (5, None),
    }
    assert bounds.items() >= promised.items()
