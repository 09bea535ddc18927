"""Real vLLM servers on the CPU, started by the script that starts them in production, with a tiny checkpoint."""

import os
import re
import signal
import subprocess
import time
from pathlib import Path
from types import TracebackType

import httpx
import pytest
from conftest import free_port

ROOT = Path(__file__).parents[2]
SAMPLES = ROOT / "service" / "idiff" / "samples"
PROVEN = {"adapter": True, "canary": True, "form": True, "prefix_cache": True}
"""What the check finds of a server as it should be."""
START_S = 240
BLOCK = 32
"""Tokens of a block of the prefix cache."""
CPU = {
    "HF_HUB_OFFLINE": "1",
    "VLLM_CPU_KVCACHE_SPACE": "1",
    "VLLM_CPU_OMP_THREADS_BIND": "nobind",
    "OMP_NUM_THREADS": "1",
    "VLLM_ENABLE_V1_MULTIPROCESSING": "0",  # one process: it starts fastest, and killing it kills everything
}
SMALL = [
    *("--dtype", "bfloat16", "--max-model-len", "8192", "--max-num-seqs", "2", "--max-num-batched-tokens", "2048"),
    *("--block-size", str(BLOCK), "--max-num-queued-reqs", "2", "--mm-processor-cache-gb", "0.25"),
    "--skip-mm-profiling",
    *("--mm-processor-kwargs", '{"size": {"shortest_edge": 16384, "longest_edge": 65536}}'),
]


class Vllm:
    """One server process: of the adapter in the folder `model` and the checkpoint under it, or of one `merged`."""

    def __init__(
        self, venv: Path, model: Path, log: Path, flags: tuple[str, ...], merged: Path | None = None, port: int = 0
    ) -> None:
        self.port = port or free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self.log = log
        parts = {"MERGED": merged} if merged else {"MODEL": model / "base", "ADAPTER": model / "rationale"}
        place = {**parts, "PORT": self.port, "VLLM": venv / "bin" / "vllm"}
        with log.open("wb") as output:
            self.process = subprocess.Popen(
                [ROOT / "deploy" / "vllm" / "serve.sh", *SMALL, *flags],
                env=os.environ | CPU | {name: str(value) for name, value in place.items()},
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )

    @property
    def alive(self) -> bool:
        return self.process.poll() is None

    def wait(self) -> None:
        deadline = time.monotonic() + START_S
        while True:
            assert self.alive, f"vLLM ended:\n{self.log.read_text()[-3000:]}"
            assert time.monotonic() < deadline, f"vLLM is not up after {START_S} s:\n{self.log.read_text()[-3000:]}"
            try:
                if httpx.get(f"{self.url}/health", trust_env=False).status_code == 200:
                    return
            except httpx.TransportError:
                pass
            time.sleep(0.5)

    def metric(self, name: str, label: str = "") -> float:
        """The sum of a metric's samples with that text among their labels."""
        text = httpx.get(f"{self.url}/metrics", trust_env=False).text
        samples = re.findall(rf"^{re.escape(name)}(\{{.*?\}})? ([0-9.e+]+)$", text, re.MULTILINE)
        assert samples, f"no metric {name}"
        return sum(float(value) for labels, value in samples if label in labels)

    def kill(self) -> None:
        if self.alive:
            os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait()


def environment() -> Path:
    """The environment that deploy/vllm/install-cpu.sh made; skips the test where there is none."""
    folder = Path(os.environ.get("IDIFF_VLLM_VENV", ROOT / ".venv-vllm"))
    if not (folder / "bin" / "vllm").exists():
        pytest.skip(f"no vLLM environment: {folder} is absent (make test-vllm, or set IDIFF_VLLM_VENV)")
    return folder


class Fleet:
    """One server at a time, with the same checkpoint; all are gone when the block ends."""

    def __init__(self, venv: Path, folder: Path) -> None:
        self._venv, self._folder = venv, folder
        self._model = folder / "qwen3vl"
        self.canary = self._model / "rationale" / "canary.json"
        self._started: list[Vllm] = []

    def __enter__(self) -> "Fleet":
        python = self._venv / "bin" / "python"
        self._run(python, Path(__file__).with_name("tiny.py"), self._model)
        command = ("canary", self._model / "rationale", "--base", self._model / "base")
        self._run(python, "-c", "from idiff_models.thinking.cli import app; app()", *command)
        return self

    def _run(self, *line: str | Path) -> None:
        env = os.environ | CPU | {"PYTHONPATH": f"{ROOT / 'service'}:{ROOT / 'models'}"}
        done = subprocess.run(line, capture_output=True, text=True, env=env, check=False)
        assert done.returncode == 0, done.stderr[-3000:]

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def stop(self) -> None:
        """End them all."""
        for server in self._started:
            server.kill()

    def server(self) -> Vllm:
        """A server that is up: the last one, or a new one if a test has killed it."""
        if not self._started or not self._started[-1].alive:
            self.start()
        return self._started[-1]

    def start(self, *flags: str, bare: bool = False, port: int = 0) -> Vllm:
        """A new server, with more flags of vLLM's; a `bare` one serves the checkpoint alone, by the adapter's name."""
        log = self._folder / f"{len(self._started)}.log"
        merged = self._model / "base" if bare else None
        self._started.append(Vllm(self._venv, self._model, log, flags, merged, port))
        self._started[-1].wait()
        return self._started[-1]
