"""`idiff bench thinking` against a stand-in for the server: every case measured, every failure counted."""

import json
from typing import Any

from thinking_support import complete, status, upstream
from typer.testing import CliRunner

from idiff_models.bench.cli import app

RUN = CliRunner()
SIZES = {"side": (64, 96), "concurrency": (1, 2)}
CASES = [
    "--server",
    "stand-in",
    "--requests",
    "3",
    *(f"--{name}={n}" for name in ("side", "concurrency") for n in SIZES[name]),
]


def test_every_size_and_concurrency_is_measured() -> None:
    asked: list[dict[str, Any]] = []
    with upstream(complete(), requests=asked) as url:
        done = RUN.invoke(app, ["thinking", url, *CASES, "--json"])
    assert done.exit_code == 0, done.stderr
    report = json.loads(done.stdout)
    assert report["server"] == "stand-in"
    assert [(row["side"], row["concurrency"]) for row in report["rows"]] == [(64, 1), (64, 2), (96, 1), (96, 2)]
    for row in report["rows"]:
        assert (row["asked"], row["done"], row["failed"]) == (3, 3, {})
        assert 0 < row["first_token_p50"] <= row["whole_p50"] <= row["whole_p95"]
        assert row["rationales_per_s"] > 0
        assert row["cached"] == 576 / 900
    pictures = [part["uuid"] for one in asked for part in one["messages"][1]["content"] if "uuid" in part]
    assert len(pictures) == len(set(pictures)) == 4 * len(asked), "what was encoded once is not encoded again"


def test_what_fails_is_counted_and_nothing_done_is_an_error() -> None:
    with upstream(status(503)) as url:
        done = RUN.invoke(app, ["thinking", url, *CASES])
    assert done.exit_code == 1
    assert "busy" in done.stdout
    assert "0 of 3" in done.stdout


def test_other_families_are_asked_as_they_read() -> None:
    asked: list[dict[str, Any]] = []
    with upstream(complete(), requests=asked) as url:
        done = RUN.invoke(
            app, ["thinking", url, "--server", "stand-in", "--requests", "1", "--family", "glm-4.6v-flash"]
        )
    assert done.exit_code == 0, done.stderr
    assert all(one["chat_template_kwargs"] == {"enable_thinking": False} for one in asked)
