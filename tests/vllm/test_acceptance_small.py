"""`loadtest/acceptance.py` at small size: the bundled release on the CPU and a tiny model on a real vLLM server."""

import json
import os
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from vllm_server import ROOT, Fleet, environment

from idiff_load.acceptance.plan import FILE, Plan

pytestmark = [pytest.mark.acceptance, pytest.mark.slow, pytest.mark.timeout(1200)]

PLAN = """
card = ""
goals = [
  { measure = "provider.as_required", min = 1 },
  { measure = "answer.members", min = 5 },
  { measure = "answer.p95_ms", max = 10_000 },
  { measure = "answer.pairs_per_s", min = 0.1 },
  { measure = "canary.passed", min = 1 },
  { measure = "rationale.p95_s", max = 60 },
  { measure = "rationale.per_s", min = 0.01 },
  { measure = "rationale.failed_share", max = 0 },
  { measure = "soak.all.failed_share", max = 0 },
  { measure = "soak.all.by_model", min = 0.01 },
]
[answer]
batches = [1, 2]
repeats = 2
[rationale]
at_once = [1, 2]
requests = 4
tokens = 32
[soak]
rate = 0.3
seconds = 15
"""
SERVICE = {
    "IDIFF_THREADS": "1",
    "IDIFF_THINKING_VIEW_PIXELS": "65536",
    "IDIFF_THINKING_DEADLINE_S": "60",
    "IDIFF_THINKING_MAX_TOKENS": "4000",
    "IDIFF_LINES_MIN": "1",
    "IDIFF_LINES_MAX": "1",
}
"""Few pixels and lines: the tiny model goes on for as long as it may."""


@pytest.fixture(scope="module")
def fleet(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Fleet]:
    with Fleet(environment(), tmp_path_factory.mktemp("vllm")) as fleet:
        yield fleet


@pytest.fixture(scope="module")
def python() -> Path:
    """Of the load tests' environment."""
    folder = Path(os.environ.get("IDIFF_LOAD_VENV", ROOT / ".venv-load"))
    if not (folder / "bin" / "locust").exists():
        pytest.skip(f"no load environment: {folder} is absent (make test-acceptance, or set IDIFF_LOAD_VENV)")
    return folder / "bin" / "python"


def accept(python: Path, fleet: Fleet, url: str, folder: Path) -> tuple[int, dict[str, Any], str]:
    """Exit code and both reports."""
    plan = folder / "plan.toml"
    plan.write_text(PLAN)
    done = subprocess.run(
        [python, ROOT / "loadtest" / "acceptance.py", "--plan", plan, "--out", folder / "out"],
        env=os.environ
        | SERVICE
        | {
            "IDIFF_THINKING_URL": url,
            "IDIFF_THINKING_CANARY": str(fleet.canary),
            "PYTHONPATH": f"{ROOT / 'service'}:{ROOT / 'models'}",
        },
        cwd=folder,
        capture_output=True,
        text=True,
        check=False,
    )
    assert (folder / "out" / "report.json").exists(), done.stderr
    report: dict[str, Any] = json.loads((folder / "out" / "report.json").read_text())
    return done.returncode, report, (folder / "out" / "report.md").read_text()


def test_what_is_sound_passes_and_without_its_model_it_fails(python: Path, fleet: Fleet, tmp_path: Path) -> None:
    server = fleet.server()
    code, report, text = accept(python, fleet, server.url, _folder(tmp_path, "sound"))
    assert code == 0, text
    assert report["passed"] is True
    assert text.startswith("# Acceptance: passed")
    measures = report["measures"]
    assert 0 < measures["answer.p50_ms"] <= measures["answer.p95_ms"]
    assert 0 < measures["rationale.p50_s"] <= measures["rationale.p95_s"]
    assert 16 <= measures["rationale.tokens"] <= 32
    assert measures["answer.pairs_per_s"] < 1000 * 2 / measures["answer.p50_ms"] * 2, "of what was timed"
    assert measures["soak.service.rss_max_mb"] > 100
    assert [check["code"] for check in report["checks"][:-1]] == [0, 0, 0, 0]
    assert {goal.measure for goal in Plan.read(FILE).goals} <= set(measures), "a goal of which nothing is ever measured"

    server.kill()
    code, report, text = accept(python, fleet, server.url, _folder(tmp_path, "alone"))
    assert code == 1
    assert text.startswith("# Acceptance: FAILED")
    missed = {goal["measure"] for goal in report["goals"] if not goal["met"]}
    assert missed == {
        "canary.passed",
        "rationale.p95_s",
        "rationale.per_s",
        "rationale.failed_share",
        "soak.all.by_model",
    }
    assert report["measures"]["soak.all.by_model"] == 0
    assert report["measures"]["soak.all.failed_share"] == 0, "verdicts go on"


def _folder(parent: Path, name: str) -> Path:
    folder = parent / name
    folder.mkdir()
    return folder
