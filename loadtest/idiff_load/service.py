"""A service of one's own to measure."""

import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from idiff.client import Client

END_SECONDS: Final = 60.0
START_SECONDS: Final = 900.0
"""TensorRT plans for minutes; a service that refuses its release is never ready."""


@dataclass(frozen=True)
class Running:
    """A service that is ready. `started_s`: from its start until then."""

    url: str
    pid: int
    started_s: float


def free_port() -> int:
    """A port that nothing listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


@contextmanager
def own_service(log: Path | None = None) -> Iterator[Running]:
    """A service on a free port with the environment's settings, which ends with the block. Its log goes to the file
    `log`, else where this process's goes."""
    port = free_port()
    url = f"http://127.0.0.1:{port}"
    command = [sys.executable, "-m", "idiff", "serve", "--port", str(port)]
    sink = log.open("wb") if log else None
    start = time.perf_counter()
    try:
        with subprocess.Popen(command, stdout=sink, stderr=sink) as process:  # noqa: S603
            try:
                _wait(url, process)
                yield Running(url, process.pid, time.perf_counter() - start)
            finally:
                process.terminate()
                try:
                    process.wait(END_SECONDS)
                except subprocess.TimeoutExpired:
                    process.kill()
    finally:
        if sink:
            sink.close()


def _wait(url: str, process: subprocess.Popen[bytes]) -> None:
    latest = time.monotonic() + START_SECONDS
    with Client(url, trust_env=False) as client:
        while not client.ready():
            if process.poll() is not None:
                raise SystemExit("the service ended before it was ready")
            if time.monotonic() > latest:
                raise SystemExit(f"the service is not ready after {START_SECONDS:.0f} s; its log says why")
            time.sleep(0.02)
