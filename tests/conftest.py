"""Fixtures: a running service, the sample pair, and the shared data where it is present."""

import io
import os
import random
import re
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import uvicorn
from fastapi import FastAPI
from fastapi.testclient import TestClient
from PIL import Image

from idiff import Client
from idiff.app import create_app
from idiff.config import Settings

ROOT = Path(__file__).parents[1]
SAMPLES = ROOT / "service" / "idiff" / "samples"
DATA = Path(os.environ.get("IDIFF_DATA", ROOT.parent / "shared" / "data"))

# The tests' own settings count, not those of whoever runs them.
KEPT = re.compile("IDIFF_(DATA|GATEWAY_IMAGE|PROMETHEUS|[A-Z]+_VENV)")
for name in [name for name in os.environ if name.startswith("IDIFF_") and not KEPT.fullmatch(name)]:
    del os.environ[name]

APART = {"acceptance", "browser", "bulk", "full", "fuzz", "image", "iqa", "kubernetes", "monitoring", "tune", "vllm"}


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark what needs more than `make test` installs, or more time than it has."""
    for item in items:
        if any(marker.name in APART for marker in item.iter_markers()):
            item.add_marker("apart")


Post = Callable[..., dict[str, Any]]


@pytest.fixture(scope="session")
def data() -> Path:
    """The shared photographs."""
    if not DATA.is_dir():
        pytest.skip(f"no shared photographs: {DATA} is absent (set IDIFF_DATA)")
    return DATA


@contextmanager
def serve(settings: Settings) -> Iterator[TestClient]:
    """A service that is ready."""
    with TestClient(create_app(settings), raise_server_exceptions=False) as client:
        deadline = time.monotonic() + 60
        while (answer := client.get("/readyz")).status_code != 200:
            assert time.monotonic() < deadline, answer.text
            time.sleep(0.05)
        yield client


def free_port() -> int:
    """A port that nothing listens on, below those that the system gives to whoever asks for any."""
    while True:
        port = random.randrange(12_000, 32_000)
        with socket.socket() as free, suppress(OSError):
            free.bind(("127.0.0.1", port))
            return port


@contextmanager
def running(app: FastAPI) -> Iterator[tuple[str, int]]:
    """The address of `app` behind a real server, in a thread of its own."""
    server = uvicorn.Server(uvicorn.Config(app, port=0, log_config=None))
    thread = threading.Thread(target=server.run)
    thread.start()
    try:
        deadline = time.monotonic() + 30
        while not server.started:
            assert thread.is_alive()
            assert time.monotonic() < deadline
            time.sleep(0.01)
        yield server.servers[0].sockets[0].getsockname()
    finally:
        server.should_exit = True
        thread.join(10)


@pytest.fixture(scope="session")
def client() -> Iterator[TestClient]:
    """The service with its default settings."""
    with serve(Settings()) as ready:
        yield ready


@pytest.fixture(scope="session")
def address() -> Iterator[str]:
    """The address of a service with its default settings, ready, behind a real server."""
    with running(create_app(Settings())) as (host, port), Client(f"http://{host}:{port}") as asking:
        deadline = time.monotonic() + 60
        while not asking.ready():
            assert time.monotonic() < deadline
            time.sleep(0.05)
        yield f"http://{host}:{port}"


@pytest.fixture(scope="session")
def post(client: TestClient) -> Post:
    """Post files by field name; options as text. Asserts 200 and gives the answer."""

    def send(files: dict[str, bytes], **options: str) -> dict[str, Any]:
        answer = client.post("/compare", files=files, data=options)
        assert answer.status_code == 200, answer.text
        body: dict[str, Any] = answer.json()
        return body

    return send


@pytest.fixture(scope="session")
def pair() -> tuple[bytes, bytes]:
    """The sample pair's two files: A is the better one."""
    return (SAMPLES / "astronaut_a.jpg").read_bytes(), (SAMPLES / "astronaut_b.jpg").read_bytes()


def encode(pixels: np.ndarray, kind: str = "PNG", **options: Any) -> bytes:  # noqa: ANN401
    """Pixels as a file."""
    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, kind, **options)
    return buffer.getvalue()


def pixels(photo: bytes) -> np.ndarray:
    """A file's pixels."""
    return np.asarray(Image.open(io.BytesIO(photo)).convert("RGB"))


@pytest.fixture
def files(pair: tuple[bytes, bytes]) -> dict[str, bytes]:
    """The sample pair as form fields."""
    return {"image_a": pair[0], "image_b": pair[1]}
