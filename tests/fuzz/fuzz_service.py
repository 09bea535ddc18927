"""A service in a process of its own, and what it holds."""

import os
import re
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx
from conftest import free_port

START_S = 60


@dataclass(frozen=True, slots=True)
class Service:
    """Its address, its process and the file of its log."""

    port: int
    process: subprocess.Popen[bytes]
    log: Path

    @property
    def address(self) -> tuple[str, int]:
        """For sockets."""
        return "127.0.0.1", self.port

    def get(self, path: str) -> httpx.Response:
        """An answer to GET, on a connection that is closed again."""
        return httpx.get(f"http://127.0.0.1:{self.port}{path}", timeout=5)

    @property
    def files(self) -> int:
        """Open file descriptors."""
        return len(os.listdir(f"/proc/{self.process.pid}/fd"))

    @property
    def threads(self) -> int:
        """Threads."""
        return len(os.listdir(f"/proc/{self.process.pid}/task"))

    @property
    def megabytes(self) -> float:
        """Resident memory."""
        found = re.search(r"VmRSS:\s+(\d+) kB", Path(f"/proc/{self.process.pid}/status").read_text())
        assert found
        return int(found[1]) / 1024

    @property
    def in_flight(self) -> float:
        """Requests being answered, of which the one that asks is one."""
        found = re.search(r"^idiff_requests_in_flight (\S+)$", self.get("/metrics").text, re.MULTILINE)
        assert found
        return float(found[1])


@contextmanager
def served(folder: Path, environment: Mapping[str, str]) -> Iterator[Service]:
    """A service that is ready, with these variables besides the tests' own; its log is in `folder`."""
    port, log = free_port(), folder / "service.log"
    with log.open("wb") as written:
        process = subprocess.Popen(
            [sys.executable, "-m", "idiff", "serve", "--port", str(port)],
            env={**os.environ, **environment},
            stderr=written,
        )
        try:
            service = Service(port, process, log)
            _wait(service)
            yield service
        finally:
            process.terminate()
            try:
                process.wait(40)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
                raise


def _wait(service: Service) -> None:
    deadline = time.monotonic() + START_S
    while True:
        assert service.process.poll() is None, service.log.read_text()
        assert time.monotonic() < deadline, service.log.read_text()
        try:
            if service.get("/readyz").status_code == 200:
                return
        except httpx.TransportError:
            pass
        time.sleep(0.1)
