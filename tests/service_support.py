"""The service as a process of its own: for signals, for the admin port, and for what it leaves behind."""

import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

import httpx
from conftest import free_port


@dataclass(frozen=True)
class Running:
    """Its process and its two addresses."""

    process: subprocess.Popen[bytes]
    url: str
    admin: str

    def metric(self, sample: str) -> float:
        """The value of a sample, named with its labels; 0 where there is none yet."""
        for line in httpx.get(f"{self.url}/metrics").text.splitlines():
            if line.startswith(f"{sample} "):
                return float(line.split()[-1])
        return 0.0

    def files(self) -> int:
        """Open file descriptors."""
        return len(os.listdir(f"/proc/{self.process.pid}/fd"))


@contextmanager
def service(stderr: Path | IO[Any] | None = None, **settings: object) -> Iterator[Running]:
    """A service with these settings, ready; whatever happens, it ends with the block."""
    port, admin = free_port(), free_port()
    named = {f"IDIFF_{name.upper()}": str(value) for name, value in settings.items()}
    command = [sys.executable, "-m", "idiff", "serve", "--port", str(port)]
    environment = {**os.environ, **named, "IDIFF_ADMIN_PORT": str(admin), "PYTHONUNBUFFERED": "1"}
    with subprocess.Popen(command, env=environment, stderr=stderr or subprocess.DEVNULL) as process:
        running = Running(process, f"http://127.0.0.1:{port}", f"http://127.0.0.1:{admin}/admin/release")
        try:
            wait_ready(running)
            yield running
        finally:
            process.kill()


def wait_ready(running: Running) -> None:
    """Until it is ready."""
    end = time.monotonic() + 60
    while True:
        assert running.process.poll() is None
        assert time.monotonic() < end
        try:
            if httpx.get(f"{running.url}/readyz").status_code == 200:
                return
        except httpx.TransportError:
            pass
        time.sleep(0.05)
