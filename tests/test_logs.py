"""The logs of a running service: JSON, by request, and without what is private."""

import json
import time
from collections.abc import Iterator
from pathlib import Path

import httpx
import numpy as np
import pytest
import service_support
from conftest import encode
from fastapi.testclient import TestClient

TRACE = "0af7651916cd43dd8448eb211c80319c"


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, Path]]:
    """A service of its own; its URL and what it logs."""
    log = tmp_path_factory.mktemp("log") / "stderr"
    home = log.with_name("home")
    home.mkdir()
    with pytest.MonkeyPatch.context() as patch, log.open("wb") as output:
        patch.setenv("HOME", str(home))
        with service_support.service(output, log_level="debug") as running:
            yield running.url, log


def lines(log: Path) -> list[dict[str, object]]:
    return [json.loads(line) for line in log.read_text().splitlines()]


def lines_of(log: Path, request: str) -> list[dict[str, object]]:
    """The lines of a request that has been answered; the last of them is written after its last byte."""
    deadline = time.monotonic() + 10
    while True:
        own = [line for line in lines(log) if line["request_id"] == request]
        if any(line["message"] == "request" for line in own):
            return own
        assert time.monotonic() < deadline
        time.sleep(0.02)


def test_nothing_is_written_but_the_log(service: tuple[str, Path], files: dict[str, bytes]) -> None:
    url, log = service
    assert httpx.post(f"{url}/compare", files=files).status_code == 200
    assert list(log.with_name("home").rglob("*")) == []  # ONNX Runtime would keep a database of events there


def test_every_line_of_a_request_names_it_and_its_trace(service: tuple[str, Path], files: dict[str, bytes]) -> None:
    url, log = service
    headers = {"X-Request-Id": "night-7", "traceparent": f"00-{TRACE}-b7ad6b7169203331-01"}
    torn = encode(np.random.default_rng(0).integers(0, 256, (99, 99, 3), np.uint8))[:9000]
    broken = {"image_a": ("a.png", torn), "image_b": ("b.jpg", files["image_b"])}
    refused = httpx.post(f"{url}/compare", files=broken, headers=headers)
    assert refused.status_code == 422
    assert refused.headers["X-Request-Id"] == "night-7"
    own = lines_of(log, "night-7")
    assert {line["trace_id"] for line in own} == {TRACE}
    said = [str(line["message"]) for line in own]
    assert any("undecodable: " in message for message in said), "what a worker thread logs belongs to it too"
    assert any(message.startswith("undecodable_image: ") for message in said)
    access = next(line for line in own if line["message"] == "request")
    told = [access[key] for key in ("method", "route", "status", "level")]
    assert told == ["POST", "/compare", 422, "INFO"]
    assert access["bytes"] > 5000
    assert 0 < access["seconds"] < 30


def test_no_name_and_no_word_of_the_rationale_is_logged(service: tuple[str, Path], files: dict[str, bytes]) -> None:
    url, log = service
    answer = httpx.post(f"{url}/compare", files={name: (f"secret-{name}.jpg", data) for name, data in files.items()})
    text = log.read_text()
    assert "secret" not in text
    assert answer.json()["rationale"]["lines"][0]["text"] not in text
    probe = next(line for line in lines(log) if line.get("route") == "/readyz")
    assert probe["level"] == "DEBUG"


@pytest.mark.parametrize("given", ["", "two words", "x" * 129, "a\x7f", "ünicode"])
def test_an_unusable_name_is_replaced(client: TestClient, given: str) -> None:
    first, second = (client.get("/livez", headers={"X-Request-Id": given.encode()}) for _ in range(2))
    names = [answer.headers["X-Request-Id"] for answer in (first, second)]
    assert all(len(name) == 32 for name in names)
    assert names[0] != names[1]
