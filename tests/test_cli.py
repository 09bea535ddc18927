"""The command line, as a user runs it."""

import json
import subprocess
import sys

from conftest import SAMPLES


def idiff(*arguments: str) -> subprocess.CompletedProcess[str]:
    """Run the command in a fresh process."""
    return subprocess.run([sys.executable, "-m", "idiff", *arguments], capture_output=True, text=True, timeout=120)


PAIR = (str(SAMPLES / "astronaut_a.jpg"), str(SAMPLES / "astronaut_b.jpg"))


def test_help() -> None:
    answer = idiff("--help")
    assert answer.returncode == 0
    assert all(command in answer.stdout for command in ("compare", "serve", "demo", "answer"))


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


def test_demo_starts_a_service() -> None:
    answer = idiff("demo", "--port", "8765")
    assert answer.returncode == 0, answer.stderr
    assert "Photo A is preferred" in answer.stdout


def test_service_loads_no_training_code() -> None:
    code = "import sys, idiff.app, idiff.local; print({'torch', 'idiff_models'} & set(sys.modules))"
    answer = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60)
    assert answer.stdout.strip() == "set()", answer.stderr
