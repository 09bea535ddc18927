"""The command line, as a user runs it."""

import json
import os
import socket
import subprocess
import sys

import pytest
import typer
from conftest import SAMPLES
from typer.testing import CliRunner

from idiff.cli import attach


def idiff(*arguments: str) -> subprocess.CompletedProcess[str]:
    """Run the command in a fresh process."""
    return subprocess.run([sys.executable, "-m", "idiff", *arguments], capture_output=True, text=True, timeout=120)


PAIR = (str(SAMPLES / "astronaut_a.jpg"), str(SAMPLES / "astronaut_b.jpg"))


def test_help() -> None:
    answer = idiff("--help")
    assert answer.returncode == 0
    assert all(command in answer.stdout for command in ("compare", "serve", "demo", "answer"))


def test_other_packages_add_functions_and_typers() -> None:
    app, single, group = typer.Typer(), typer.Typer(), typer.Typer()

    def hello(name: str) -> None:
        """Greet."""
        typer.echo(f"hello {name}")

    single.command("ignored")(hello)
    group.callback()(lambda: None)
    group.command("hello")(hello)
    for name, command in (("function", hello), ("single", single), ("group", group)):
        attach(app, name, command)
    for arguments in (["function", "x"], ["single", "x"], ["group", "hello", "x"]):
        assert CliRunner().invoke(app, arguments).stdout == "hello x\n"


def test_compare_prints_text() -> None:
    answer = idiff("compare", *PAIR)
    assert answer.returncode == 0, answer.stderr
    assert answer.stdout.startswith("Photo A is preferred")
    assert "Votes" in answer.stdout
    assert "Why (measured)" in answer.stdout


def test_compare_prints_json() -> None:
    answer = idiff("compare", "--json", *PAIR)
    assert json.loads(answer.stdout)["verdict"]["preferred"] == "A"


def test_refusal_is_one_line() -> None:
    answer = idiff("compare", PAIR[0], __file__)
    assert answer.returncode == 2
    assert answer.stderr.strip().startswith("idiff: unsupported_image:")
    assert len(answer.stderr.strip().splitlines()) == 1


def test_nothing_answers_at_the_url() -> None:
    answer = idiff("compare", *PAIR, "--url", "http://127.0.0.1:9")
    assert answer.returncode == 2
    assert answer.stderr.startswith("idiff: unreachable:")


@pytest.mark.parametrize("url", ["localhost:8001", "http://host:port", "ftp://host"])
def test_a_bad_setting_is_named(monkeypatch: pytest.MonkeyPatch, url: str) -> None:
    monkeypatch.setitem(os.environ, "IDIFF_THINKING_URL", url)
    for arguments in (("compare", *PAIR), ("serve",)):
        answer = idiff(*arguments)
        assert answer.returncode == 2
        assert answer.stderr.startswith("idiff: invalid_setting:")
        assert "thinking_url" in answer.stderr


def test_demo_starts_a_service() -> None:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    answer = idiff("demo", "--port", str(port))
    assert "Starting the service" in answer.stdout
    assert answer.returncode == 0, answer.stderr
    assert "Photo A is preferred" in answer.stdout


def test_service_loads_no_training_code() -> None:
    code = "import sys, idiff.app, idiff.local; print({'torch', 'idiff_models'} & set(sys.modules))"
    answer = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60)
    assert answer.stdout.strip() == "set()", answer.stderr
