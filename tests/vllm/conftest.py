"""A real vLLM server with a tiny checkpoint, where its environment is installed."""

import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from vllm_server import CPU, ROOT, Vllm


@pytest.fixture(scope="session")
def venv() -> Path:
    """The environment that deploy/vllm/install-cpu.sh made."""
    folder = Path(os.environ.get("IDIFF_VLLM_VENV", ROOT / ".venv-vllm"))
    if not (folder / "bin" / "vllm").exists():
        pytest.skip(f"no vLLM environment: {folder} is absent (make test-vllm, or set IDIFF_VLLM_VENV)")
    return folder


@pytest.fixture(scope="session")
def model(venv: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The tiny checkpoint and its adapter."""
    folder = tmp_path_factory.mktemp("qwen3vl")
    build = [venv / "bin" / "python", Path(__file__).with_name("tiny.py"), folder]
    done = subprocess.run(build, capture_output=True, text=True, env=os.environ | CPU, check=False)
    assert done.returncode == 0, done.stderr[-3000:]
    return folder


@pytest.fixture(scope="session")
def servers(venv: Path, model: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[list[Vllm]]:
    """Every server started so far; they end with the session."""
    started: list[Vllm] = []
    yield started
    for server in started:
        server.kill()


@pytest.fixture
def server(servers: list[Vllm], venv: Path, model: Path, tmp_path_factory: pytest.TempPathFactory) -> Vllm:
    """A server that is up: the last one, or a new one if a test has killed it."""
    if not servers or not servers[-1].alive:
        servers.append(Vllm(venv, model, tmp_path_factory.mktemp("vllm") / "log"))
        servers[-1].wait()
    return servers[-1]
