"""The repository's own commands, one a check, and what their figures come to."""

import json
import math
import shlex
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from idiff.answer.session import PROVIDERS
from idiff.config import Settings
from idiff_load.acceptance.plan import Plan

Measures = dict[str, float | None]
Done = subprocess.CompletedProcess[str]

LOADTEST: Final = Path(__file__).parents[2]
LONGEST_TOLD: Final = 2000


@dataclass(frozen=True)
class Check:
    """A command that was run. `start`, `end`: on the monotonic clock. `told`: the end of what it said to people."""

    name: str
    command: str
    code: int
    start: float
    end: float
    told: str
    measures: Measures = field(default_factory=dict)


def run(plan: Plan, settings: Settings, out: Path) -> Iterator[Check]:
    """Every check in turn. One that fails has no measures, by which its goals are missed, and the next one follows;
    but a service that is not on its provider is never ready, so that none is soaked."""
    yield _check("release", ["-m", "idiff", "release", "show", "--json", str(settings.release_folder)], _release)
    answer = _answer(plan, settings)
    yield answer
    model = ("--model", settings.thinking_model, "--family", settings.thinking_family)
    url = str(settings.thinking_url)
    canary = ["-m", "idiff", "thinking", "check", url, *model, "--canary", str(settings.thinking_canary)]
    yield _check("canary", canary, lambda done: {"canary.passed": float(done.returncode == 0)})
    yield _rationale(plan, settings, ["-m", "idiff", "bench", "thinking", url, *model])
    if not answer.measures.get("provider.as_required"):
        return
    report = out / "soak" / "report.json"
    report.unlink(missing_ok=True)  # an earlier run's figures are not this one's
    soak = [str(LOADTEST / "run.py"), "soak", "--rationale", "auto", "--out", str(out / "soak")]
    soak += ["--rate", f"{plan.soak.rate:g}", "--duration", f"{plan.soak.seconds:g}"]
    yield _check("soak", soak, lambda _: _soak(report))


def _check(name: str, words: list[str], read: Callable[[Done], Measures]) -> Check:
    start = time.monotonic()
    done = subprocess.run([sys.executable, *words], capture_output=True, text=True, check=False)  # noqa: S603
    end, told = time.monotonic(), done.stderr
    try:
        measures = read(done)
    except (OSError, ValueError, KeyError, TypeError) as error:
        measures, told = {}, f"{told}\nno figures: {type(error).__name__}: {error}"
    if "--json" not in words:
        told = done.stdout + told
    command = f"python {shlex.join(words)}"
    return Check(name, command, done.returncode, start, end, told.strip()[-LONGEST_TOLD:], measures)


def _release(done: Done) -> Measures:
    """Of the category that has less: members that vote on a pair, and their parameters."""
    members = json.loads(done.stdout)["members"]
    domains = {member["domain"] for member in members}
    voters = [[member["parameters"] for member in members if member["domain"] == domain] for domain in domains]
    return {"answer.members": min(map(len, voters)), "answer.parameters": min(map(sum, voters))}


def _answer(plan: Plan, settings: Settings) -> Check:
    words = ["-m", "idiff", "bench", "answer", "--release", str(settings.release_folder), "--json"]
    words += ["--provider", settings.provider, "--threads", str(settings.threads)]
    words += ["--repeats", str(plan.answer.repeats), *(f"--batch={batch}" for batch in plan.answer.batches)]

    def read(done: Done) -> Measures:
        if done.returncode:
            return {"provider.as_required": 0.0}
        report: dict[str, Any] = json.loads(done.stdout)
        judges, ensembles = (
            [row for row in report["rows"] if row["name"].endswith(kind)] for kind in (" judge", " ensemble")
        )
        throughput: dict[str, float] = {}
        for row in ensembles:
            throughput[row["name"]] = max(throughput.get(row["name"], 0), row["timing"]["pairs_per_s"])
        return {
            "provider.as_required": float(report["provider"] == PROVIDERS[settings.provider]),
            "answer.p50_ms": max(row["timing"]["p50_ms"] for row in judges),
            "answer.p95_ms": max(row["timing"]["p95_ms"] for row in judges),
            "answer.pairs_per_s": min(throughput.values()),
            "answer.loaded_mb": report["loaded_mb"],
        }

    return _check("answer", words, read)


def _rationale(plan: Plan, settings: Settings, words: list[str]) -> Check:
    asked = plan.rationale
    words += ["--server", plan.card or "no card", "--side", str(math.isqrt(settings.thinking_view_pixels)), "--json"]
    words += ["--requests", str(asked.requests), "--tokens", str(asked.tokens)]
    words += [f"--concurrency={number}" for number in asked.at_once]

    def read(done: Done) -> Measures:
        rows = json.loads(done.stdout)["rows"]
        alone = min(rows, key=lambda row: row["concurrency"])
        return {
            "rationale.p50_s": _seconds(alone["whole_p50"]),
            "rationale.p95_s": _seconds(alone["whole_p95"]),
            "rationale.first_token_p95_s": _seconds(alone["first_token_p95"]),
            "rationale.tokens": alone["tokens"],
            "rationale.per_s": max(row["rationales_per_s"] for row in rows),
            "rationale.failed_share": sum(row["asked"] - row["done"] for row in rows)
            / sum(row["asked"] for row in rows),
        }

    return _check("rationale", words, read)


def _seconds(milliseconds: float | None) -> float | None:
    return None if milliseconds is None else milliseconds / 1000


def _soak(report: Path) -> Measures:
    """All that the load test measured, and how many service levels of its profile it missed."""
    found: dict[str, Any] = json.loads(report.read_text())
    missed = [level for level in found["slo"] if not level["met"]]
    return {f"soak.{name}": value for name, value in found["measures"].items()} | {"soak.missed": float(len(missed))}
