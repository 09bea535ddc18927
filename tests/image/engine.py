"""Images built and containers run by a real engine, confined as they are meant to run."""

import json
import os
import shlex
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import httpx
from conftest import ROOT

ENGINE = os.environ.get("ENGINE", "docker")
CONFINED = ("--read-only", "--cap-drop=ALL", "--security-opt=no-new-privileges")


def engine(*arguments: str) -> str:
    """What the engine prints; raises CalledProcessError."""
    return subprocess.run([ENGINE, *arguments], check=True, capture_output=True, text=True).stdout.strip()


def build(target: str, *flags: str) -> str:
    """The tag of a target, built on BASE where that is set, with what BUILD_FLAGS adds."""
    tag = f"idiff/{target}:test"
    given = [*flags, *shlex.split(os.environ.get("BUILD_FLAGS", ""))]
    if base := os.environ.get("BASE"):
        given += ["--build-arg", f"BASE={base}"]
    command = [ENGINE, "build", "--target", target, "--tag", tag, *given, str(ROOT)]
    subprocess.run(command, check=True, env={**os.environ, "DOCKER_BUILDKIT": "1"})
    return tag


def python(image: str, code: str, *flags: str) -> str:
    """What `code` prints in a container of its own."""
    return engine("run", "--rm", *CONFINED, *flags, "--entrypoint", "python3", image, "-c", code)


@dataclass(frozen=True)
class Container:
    """A running one, its service's address and the moment it was asked for."""

    name: str
    url: str
    begun: float

    def state(self) -> dict[str, Any]:
        """As the engine sees it."""
        state: dict[str, Any] = json.loads(engine("inspect", "--format", "{{json .State}}", self.name))
        return state

    def logs(self) -> str:
        """What it has written."""
        command = [ENGINE, "logs", self.name]
        return subprocess.run(command, check=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True).stdout

    def python(self, code: str) -> str:
        """What `code` prints inside."""
        return engine("exec", self.name, "python3", "-c", code)

    def wait_ready(self) -> float:
        """Seconds from its start until it was ready."""
        while not self._ready():
            assert self.state()["Running"], self.logs()
            assert time.monotonic() < self.begun + 120, self.logs()
            time.sleep(0.02)
        return time.monotonic() - self.begun

    def _ready(self) -> bool:
        try:
            return httpx.get(f"{self.url}/readyz").status_code == 200
        except httpx.TransportError:
            return False


@contextmanager
def started(image: str, *flags: str, port: int = 8000, **settings: str) -> Iterator[Container]:
    """A container with these settings, gone after the block."""
    given = [flag for name, value in settings.items() for flag in ("--env", f"IDIFF_{name.upper()}={value}")]
    begun = time.monotonic()
    name = engine("run", "--detach", *CONFINED, "--publish", f"127.0.0.1::{port}", *given, *flags, image)
    try:
        yield Container(name, f"http://{engine('port', name, str(port))}", begun)
    finally:
        engine("rm", "--force", "--volumes", name)
