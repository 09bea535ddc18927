"""The service with a faulty Thinking Model behind it: the verdict never waits on it and never fails with it."""

import asyncio
import json
import threading
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import Any

import pytest
from conftest import Post, serve
from fastapi.testclient import TestClient
from thinking_support import RATIONALE, Behaviour, FakeVllm, complete, hangs, hangs_midway, status, turns

from idiff.config import Settings
from idiff.thinking import grounded

STREAM = {"Accept": "text/event-stream"}


@contextmanager
def upstream(behaviour: Behaviour) -> Iterator[str]:
    """A fake vLLM in a thread of its own; its URL."""
    started, urls = threading.Event(), []

    async def main() -> None:
        nonlocal loop, over
        loop, over = asyncio.get_running_loop(), asyncio.Event()
        async with FakeVllm(behaviour) as server:
            urls.append(f"http://127.0.0.1:{server.port}")
            started.set()
            await over.wait()

    loop: asyncio.AbstractEventLoop
    over: asyncio.Event
    thread = threading.Thread(target=lambda: asyncio.run(main()))
    thread.start()
    assert started.wait(10)
    try:
        yield urls[0]
    finally:
        loop.call_soon_threadsafe(over.set)
        thread.join(10)


def thinking(url: str) -> AbstractContextManager[TestClient]:
    """A service that asks `url`, for at most a second."""
    return serve(Settings(thinking_url=url, thinking_deadline_s=1.0, lines_min=1))


def events(client: TestClient, files: dict[str, bytes]) -> list[tuple[str, dict[str, Any]]]:
    """The streamed answer's events with their data."""
    with client.stream("POST", "/compare", files=files, headers=STREAM) as answer:
        blocks = "".join(answer.iter_text()).strip().split("\n\n")
    pairs = (dict(line.split(": ", 1) for line in block.splitlines()) for block in blocks)
    return [(pair["event"], json.loads(pair["data"])) for pair in pairs]


@pytest.fixture
def files(pair: tuple[bytes, bytes]) -> dict[str, bytes]:
    return {"image_a": pair[0], "image_b": pair[1]}


def test_the_model_writes(files: dict[str, bytes]) -> None:
    with upstream(complete()) as url, thinking(url) as client:
        answer = client.post("/compare", files=files).json()
        streamed = events(client, files)
    assert answer["rationale"]["source"] == "model"
    assert answer["rationale"]["text"] == RATIONALE
    assert answer["rationale"]["reason"] is None
    assert answer["provenance"]["adapter"] == "rationale"
    checked = [line["agrees"] for line in answer["rationale"]["lines"]]
    assert None not in checked[:1], "sharpness can be measured in these photos"
    assert answer["rationale"]["grounding"] == sum(map(bool, checked)) / sum(said is not None for said in checked)
    assert answer["rationale"]["lines"][0]["measured"]["quality"] in ("sharpness", "detail")
    names = [name for name, _ in streamed]
    assert names[0] == "verdict"
    assert names[-2:] == ["rationale", "done"]
    assert "".join(data["text"] for name, data in streamed if name == "rationale.delta") == RATIONALE
    assert streamed[-1][1]["adapter"] == "rationale"


@pytest.mark.parametrize(
    ("behaviour", "reason"), [(hangs, "timeout"), (status(503), "busy"), (complete("No form."), "malformed")]
)
def test_any_fault_falls_back(post: Post, files: dict[str, bytes], behaviour: Behaviour, reason: str) -> None:
    with upstream(behaviour) as url, thinking(url) as client:
        answer = client.post("/compare", files=files).json()
        metrics = client.get("/metrics").text
    alone = post(files)
    assert answer["verdict"] == alone["verdict"]
    assert answer["rationale"] == alone["rationale"] | {"reason": reason}
    assert "rationale_fallback" in {warning["code"] for warning in answer["warnings"]}
    assert f'idiff_rationales_total{{reason="{reason}",source="measured"}} 1.0' in metrics
    assert 'idiff_warnings_total{code="rationale_fallback"} 1.0' in metrics


def test_a_text_that_fails_is_taken_back_and_asked_for_again(files: dict[str, bytes]) -> None:
    with upstream(turns(complete("No form."), complete())) as url, thinking(url) as client:
        streamed = events(client, files)
        metrics = client.get("/metrics").text
    names = [name for name, _ in streamed]
    assert names.count("rationale.restart") == 1
    after = streamed[names.index("rationale.restart") + 1 : -2]
    assert "".join(data["text"] for _, data in after) == RATIONALE == streamed[-2][1]["text"]
    assert streamed[-2][1]["source"] == "model"
    assert 'idiff_rationale_retries_total{reason="malformed"} 1.0' in metrics
    assert 'idiff_rationale_claims_total{measured="' in metrics


def test_nobody_there(post: Post, files: dict[str, bytes]) -> None:
    with thinking("http://127.0.0.1:9") as client:
        answer = client.post("/compare", files=files).json()
    assert answer["verdict"] == post(files)["verdict"]
    assert answer["rationale"]["reason"] == "unreachable"


def test_what_was_streamed_is_taken_back(files: dict[str, bytes]) -> None:
    with upstream(hangs_midway) as url, thinking(url) as client:
        streamed = events(client, files)
    names = [name for name, _ in streamed]
    assert names[:3] == ["verdict", "rationale.delta", "rationale.restart"]
    assert streamed[2][1] == {"reason": "timeout"}
    assert streamed[-2][1]["source"] == "measured"
    after = [data["text"] for name, data in streamed[3:] if name == "rationale.delta"]
    assert "".join(after) == streamed[-2][1]["text"]
    assert "rationale_fallback" in {warning["code"] for warning in streamed[-1][1]["warnings"]}


def test_a_rationale_that_fails_leaves_the_verdict(
    client: TestClient, files: dict[str, bytes], monkeypatch: pytest.MonkeyPatch
) -> None:
    def fails(*_: object) -> None:
        raise RuntimeError

    monkeypatch.setattr(grounded, "explain", fails)
    answer = client.post("/compare", files=files)
    assert answer.status_code == 200
    assert answer.json()["verdict"]["preferred"] == "A"
    assert answer.json()["rationale"] is None
    assert "rationale_failed" in {warning["code"] for warning in answer.json()["warnings"]}
    streamed = events(client, files)
    assert [name for name, _ in streamed] == ["verdict", "error", "done"]
    assert streamed[1][1]["error"]["code"] == "rationale_failed"
    assert 'idiff_warnings_total{code="rationale_failed"} 2.0' in client.get("/metrics").text
