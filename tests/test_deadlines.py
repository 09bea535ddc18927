"""How long a request may take: the caller's own deadline, and callers who leave."""

import asyncio
import time

import httpx
import pytest
from conftest import Post, running, serve
from fastapi.testclient import TestClient
from thinking_support import FakeVllm, hangs, upstream

from idiff.app import create_app
from idiff.config import Settings

HEADER = "X-Request-Timeout-Ms"


@pytest.mark.parametrize("value", ["0", "-1", "1.5", "soon", "", "600001", "1" * 40, "٣"])
def test_a_deadline_that_makes_no_sense_is_refused(client: TestClient, files: dict[str, bytes], value: str) -> None:
    answer = client.post("/compare", files=files, headers={HEADER: value.encode()})
    assert answer.status_code == 422
    error = answer.json()["error"]
    assert (error["code"], error["field"], error["limit"]) == ("invalid_option", HEADER, 600_000)


def test_no_verdict_in_time_is_a_504_and_nothing_stays_held(client: TestClient, files: dict[str, bytes]) -> None:
    answer = client.post("/compare", files=files, headers={HEADER: "1"})
    assert answer.status_code == 504
    assert answer.json()["error"]["code"] == "deadline_exceeded"
    held = "idiff_requests_in_flight 1.0"  # the one that asks
    assert held in client.get("/metrics").text
    assert client.post("/compare", files=files, headers={HEADER: "60000"}).status_code == 200


def test_the_service_has_a_deadline_of_its_own(files: dict[str, bytes]) -> None:
    with serve(Settings(request_timeout_s=0.001)) as client:
        assert client.post("/compare", files=files).status_code == 504


def test_a_model_that_would_be_late_is_given_up_in_time_and_not_blamed(post: Post, files: dict[str, bytes]) -> None:
    with upstream(hangs) as url, serve(Settings(thinking_url=url, thinking_check_s=0, lines_min=1)) as client:
        client.post("/compare", files=files, data={"rationale": "measured"})
        for _ in range(3):
            start = time.monotonic()
            answer = client.post("/compare", files=files, data={"attributes": "true"}, headers={HEADER: "2000"}).json()
            assert time.monotonic() - start < 4
            assert answer["rationale"]["reason"] == answer["attributes"]["reason"] == "timeout"
        assert client.get("/info").json()["thinking"]["circuit"] == "closed"
    assert answer["verdict"] == post(files)["verdict"]


@pytest.mark.parametrize("accept", ["application/json", "text/event-stream"])
def test_the_work_of_a_caller_who_left_is_dropped(files: dict[str, bytes], accept: str) -> None:
    async def leave(url: str, server: FakeVllm) -> None:
        async with httpx.AsyncClient() as client:
            asking = asyncio.create_task(client.post(f"{url}/compare", files=files, headers={"Accept": accept}))
            while not server.requests:
                assert not asking.done()
                await asyncio.sleep(0.02)
            asking.cancel()
            await asyncio.wait((asking,))
            await asyncio.wait_for(server.disconnected.wait(), 5)
            while 'code="499"' not in (await client.get(f"{url}/metrics")).text:
                await asyncio.sleep(0.02)

    async def scenario() -> None:
        async with FakeVllm(hangs) as server:
            settings = Settings(thinking_url=f"http://127.0.0.1:{server.port}", thinking_check_s=0)
            with running(create_app(settings)) as (host, port):
                async with httpx.AsyncClient() as client:
                    while (await client.get(f"http://{host}:{port}/readyz")).status_code != 200:
                        await asyncio.sleep(0.02)
                await asyncio.wait_for(leave(f"http://{host}:{port}", server), 30)

    asyncio.run(scenario())


def test_a_stream_that_came_to_its_end_is_not_counted_as_left(files: dict[str, bytes]) -> None:
    with running(create_app(Settings())) as (host, port), httpx.Client(base_url=f"http://{host}:{port}") as client:
        while client.get("/readyz").status_code != 200:
            time.sleep(0.02)
        streamed = client.post("/compare", files=files, headers={"Accept": "text/event-stream"}).text
        assert "event: done" in streamed
        counted = 'idiff_requests_total{code="200",method="POST",route="/compare"} 1.0'
        while counted not in (found := client.get("/metrics").text):
            assert 'code="499"' not in found
            time.sleep(0.02)
