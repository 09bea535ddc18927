"""Workers: what keeps all of them busy, or one for good, and what is answered all the same."""

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from conftest import serve
from fastapi.testclient import TestClient

from idiff import workers
from idiff.config import Settings
from idiff.engine import Engine
from idiff.thinking import grounded

Files = dict[str, bytes]
HEADER = "X-Request-Timeout-Ms"


def engine_of(client: TestClient) -> Engine:
    engine: Engine = client.app.state.service.ready()  # type: ignore[attr-defined]
    return engine


@contextmanager
def held(client: TestClient) -> Iterator[None]:
    """Every worker at a call that does not end before the block does."""
    engine = engine_of(client)
    gate, begun = threading.Event(), threading.Semaphore(0)

    def wait() -> None:
        begun.release()
        gate.wait(60)

    calls = [engine.pool.submit(wait) for _ in range(engine.settings.threads)]
    for _ in calls:
        assert begun.acquire(timeout=30)
    try:
        yield
    finally:
        gate.set()
        for call in calls:
            call.result(10)


@pytest.fixture
def one_worker() -> Iterator[TestClient]:
    with serve(Settings(threads=1)) as client:
        yield client


def test_a_call_that_hangs_is_noticed_and_survives_an_exchange(
    one_worker: TestClient, files: Files, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(workers, "HANGS_S", 0.2)
    with held(one_worker):
        assert one_worker.get("/livez").status_code == 200
        time.sleep(0.3)
        for probe in ("/livez", "/readyz"):
            answer = one_worker.get(probe)
            assert (answer.status_code, answer.json()["error"]["code"]) == (503, "not_live")
        assert "a call has been running for" in answer.json()["error"]["message"]
        assert "idiff_ready 0.0" in one_worker.get("/metrics").text
        assert one_worker.portal
        one_worker.portal.call(engine_of(one_worker).serving.exchange)
        assert one_worker.get("/livez").status_code == 503
    assert one_worker.get("/livez").status_code == 200
    time.sleep(0.3)
    assert one_worker.get("/livez").status_code == 200  # nobody asks, so nothing needs to end
    assert one_worker.post("/compare", files=files).status_code == 200


@pytest.mark.parametrize(
    ("broken", "status", "code"),
    [(b"GIF89a, no picture", 415, "unsupported_image"), (b"\xff\xd8\xff\xe0 no picture", 422, "undecodable_image")],
)
def test_what_a_header_tells_is_refused_without_waiting(
    one_worker: TestClient, files: Files, broken: bytes, status: int, code: str
) -> None:
    with held(one_worker):
        answer = one_worker.post("/compare", files=files | {"image_b": broken}, headers={HEADER: "20000"})
    error = answer.json()["error"]
    assert (answer.status_code, error["code"], error["field"]) == (status, code, "image_b")


def test_a_rationale_that_would_be_late_leaves_the_verdict_in_time(
    client: TestClient, files: Files, monkeypatch: pytest.MonkeyPatch
) -> None:
    verdict = client.post("/compare", files=files).json()["verdict"]
    ended = threading.Event()
    monkeypatch.setattr(grounded, "explain", lambda *_: ended.wait(20))
    start = time.monotonic()
    answer = client.post("/compare", files=files, headers={HEADER: "3000"}).json()
    assert time.monotonic() - start < 10
    ended.set()
    assert answer["verdict"] == verdict
    assert answer["rationale"] is None
    assert "rationale_failed" in {warning["code"] for warning in answer["warnings"]}
