"""The service with a real vLLM server behind it, sound and with every fault: the verdict is always the same."""

import os
import signal
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest
from bulk_support import verdicts
from conftest import serve
from fastapi.testclient import TestClient
from thinking_support import events
from typer.testing import CliRunner
from vllm_server import PROVEN, SAMPLES, Fleet, Vllm, environment

from idiff.cli import app
from idiff.config import Settings
from idiff.deadline import HEADER
from idiff_models.thinking.cli import app as thinking_app

pytestmark = [pytest.mark.vllm, pytest.mark.slow, pytest.mark.timeout(600)]

LINES = {"lines_min": 12, "lines_max": 12}
LONG = {"thinking_max_tokens": 6000, "thinking_check_s": 0, "max_in_flight": 16, **LINES}
"""A rationale that takes even this model long."""

FILES = {f"image_{side}": (SAMPLES / f"astronaut_{side}.jpg").read_bytes() for side in "ab"}

Answer = dict[str, Any]


@pytest.fixture(scope="module")
def fleet(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Fleet]:
    with Fleet(environment(), tmp_path_factory.mktemp("vllm")) as fleet:
        yield fleet


@pytest.fixture
def server(fleet: Fleet) -> Vllm:
    """A server that is up."""
    return fleet.server()


@pytest.fixture(scope="module")
def alone() -> Answer:
    """The answer of a service without a Thinking Model."""
    with serve(Settings(**LINES)) as client:
        return compared(client)[0]


def compared(client: TestClient, within_s: float = 60) -> tuple[Answer, float]:
    """The service's answer on the sample pair, and the seconds it took, fewer than were asked for."""
    start = time.monotonic()
    headers = {HEADER: str(round(1000 * within_s))}
    answer = client.post("/compare", files=FILES, data={"rationale": "auto"}, headers=headers)
    seconds = time.monotonic() - start
    assert answer.status_code == 200, answer.text
    assert seconds < within_s
    body: Answer = answer.json()
    return body, seconds


def checked(client: TestClient) -> dict[str, Any]:
    """What /info says of the Thinking Model once the service has checked it."""
    while not (found := client.get("/info").json()["thinking"])["checks"]:
        time.sleep(0.1)
    return dict(found)


@contextmanager
def asking(server: Vllm, deadline_s: float) -> Iterator[TestClient]:
    """A service that gives its model so long for a rationale that takes longer."""
    with serve(Settings(thinking_url=server.url, thinking_deadline_s=deadline_s, **LONG)) as client:
        yield client


def fell_back(answer: Answer, alone: Answer, reason: str) -> None:
    """The answer is the one without a model, but for the reason."""
    assert answer["verdict"] == alone["verdict"]
    assert answer["rationale"] == alone["rationale"] | {"reason": reason}
    assert "rationale_fallback" in {warning["code"] for warning in answer["warnings"]}


def test_a_list_is_explained_in_bulk(
    fleet: Fleet, server: Vllm, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = {"CANARY": fleet.canary, "MAX_TOKENS": 4000, "DEADLINE_S": 120, "CONCURRENCY": 2}
    for name, value in settings.items():
        monkeypatch.setenv(f"IDIFF_THINKING_{name}", str(value))
    monkeypatch.setenv("IDIFF_LINES_MAX", "4")
    pairs = tmp_path / "pairs.csv"
    pairs.write_text("image_a,image_b\nastronaut_a.jpg,astronaut_b.jpg\nastronaut_b.jpg,astronaut_a.jpg\n")
    places = [str(pairs), "--root", str(SAMPLES), "--out", str(tmp_path / "out")]
    done = CliRunner().invoke(app, ["bulk", *places, "--engine", "local", "--thinking-url", server.url])
    assert done.exit_code == 0, done.output
    for row in verdicts(tmp_path / "out"):
        assert (row["rationale"]["source"], row["rationale"]["reason"]) == ("model", None)
        assert row["provenance"]["adapter"] == "rationale"


def test_the_model_explains_and_when_it_is_gone_the_measurements_do(fleet: Fleet, server: Vllm, alone: Answer) -> None:
    # Random words seldom end a line: room for all the lines that the form allows, at its greatest length.
    settings = Settings(
        thinking_url=server.url,
        thinking_canary=fleet.canary,
        thinking_max_tokens=4000,
        thinking_deadline_s=120,
        lines_max=4,
    )
    with serve(settings) as client:
        thinking = checked(client)
        told, _ = compared(client, within_s=120)
        server.kill()
        measured, seconds = compared(client)
    assert thinking["barred"] is None
    assert {found["check"]: found["passed"] for found in thinking["checks"]} == PROVEN
    assert (told["rationale"]["source"], told["rationale"]["reason"]) == ("model", None)
    assert told["provenance"]["adapter"] == "rationale"
    assert told["verdict"] == alone["verdict"]
    assert (measured["rationale"]["source"], measured["rationale"]["reason"]) == ("measured", "unreachable")
    assert measured["verdict"] == alone["verdict"]
    assert seconds < 10


def test_a_server_killed_while_it_writes_is_answered_for_at_once(server: Vllm, alone: Answer) -> None:
    with asking(server, deadline_s=60) as client, ThreadPoolExecutor(1) as caller:
        before = server.metric("vllm:generation_tokens_total")
        asked = caller.submit(events, client, FILES)
        while server.metric("vllm:generation_tokens_total") < before + 20:
            time.sleep(0.05)
        server.kill()
        killed = time.monotonic()
        told = asked.result()
        seconds = time.monotonic() - killed
    names = [name for name, _ in told]
    restart = names.index("rationale.restart")
    assert set(names[1:restart]) == {"rationale.delta"}, "it had begun to write"
    assert told[restart][1] == {"reason": "unreachable"}
    assert told[0][1]["verdict"] == alone["verdict"]
    assert dict(told)["rationale"] == alone["rationale"] | {"reason": "unreachable"}
    assert seconds < 5


def test_a_slow_server_is_given_up_at_the_deadline(server: Vllm, alone: Answer) -> None:
    with asking(server, deadline_s=3) as client:
        before = server.metric("vllm:generation_tokens_total")
        answer, _ = compared(client, within_s=15)
        assert server.metric("vllm:generation_tokens_total") > before, "it was not slow, but hung"
    fell_back(answer, alone, "timeout")
    assert 3000 <= answer["timings_ms"]["rationale"] < 5000


def test_a_hung_server_is_given_up_at_the_deadline(server: Vllm, alone: Answer) -> None:
    with asking(server, deadline_s=2) as client:
        os.killpg(server.process.pid, signal.SIGSTOP)
        try:
            answer, _ = compared(client, within_s=15)
        finally:
            os.killpg(server.process.pid, signal.SIGCONT)
    fell_back(answer, alone, "timeout")
    assert 2000 <= answer["timings_ms"]["rationale"] < 4000


def test_a_caller_in_a_hurry_has_the_measured_rationale_in_time(server: Vllm, alone: Answer) -> None:
    with asking(server, deadline_s=60) as client:
        answer, _ = compared(client, within_s=8)
    fell_back(answer, alone, "timeout")


def test_a_full_server_is_busy_and_the_service_answers_all_the_same(server: Vllm, alone: Answer) -> None:
    # Two run and two may queue, none of them done before the deadline: of eight pairs the others find it full.
    with asking(server, deadline_s=10) as client, ThreadPoolExecutor(8) as callers:
        answers = [answer for answer, _ in callers.map(lambda _: compared(client, within_s=40), range(8))]
    assert {answer["rationale"]["reason"] for answer in answers} == {"busy", "timeout"}
    for answer in answers:
        fell_back(answer, alone, answer["rationale"]["reason"])
        assert answer["timings_ms"]["rationale"] < 13000


@pytest.mark.full
def test_every_verdict_is_given_under_load_while_the_server_hangs_dies_and_comes_back(
    fleet: Fleet, server: Vllm, alone: Answer
) -> None:
    answers: list[Answer] = []
    over = threading.Event()

    def go_on() -> None:
        while not over.is_set():
            answers.append(compared(client, within_s=60)[0])

    def some_more(wanted: Callable[[Answer], bool] = lambda _: True) -> set[str | None]:
        """Reasons of the answers to requests that begin now, two at least and up to one that is `wanted`."""
        begun = len(answers) + 2  # what the callers are waiting for began earlier
        while len(answers) < begun + 2 or not any(map(wanted, answers[begun:])):
            assert not any(caller.done() for caller in going)
            time.sleep(0.1)
        return {answer["rationale"]["reason"] for answer in answers[begun:]}

    def explained(answer: Answer) -> bool:
        return bool(answer["rationale"]["source"] == "model")

    settings = Settings(
        thinking_url=server.url,
        thinking_check_s=0,
        thinking_deadline_s=20,
        thinking_max_tokens=4000,
        lines_min=1,
        lines_max=1,
    )
    with serve(settings) as client, ThreadPoolExecutor(2) as callers:
        going = [callers.submit(go_on) for _ in range(2)]
        try:
            some_more(explained)
            os.killpg(server.process.pid, signal.SIGSTOP)
            hung = some_more()
            os.killpg(server.process.pid, signal.SIGCONT)
            some_more(explained)
            server.kill()
            dead = some_more()
            fleet.start(port=server.port)
            some_more(explained)
        finally:
            over.set()
    assert None not in hung | dead
    assert {str(answer["verdict"]) for answer in answers} == {str(alone["verdict"])}


@pytest.fixture
def keyed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Servers want an API key, which they read from a file as in Compose; the gateway has it."""
    (tmp_path / "key").write_text("of vLLM")
    monkeypatch.setenv("VLLM_API_KEY_FILE", str(tmp_path / "key"))
    monkeypatch.setenv("IDIFF_THINKING_API_KEY", "of vLLM")


@pytest.mark.usefixtures("keyed")
@pytest.mark.parametrize(
    ("flags", "bare", "lost"),
    [
        (("--no-enable-tower-connector-lora",), False, "without its vision part"),
        pytest.param((), True, "without the adapter", marks=pytest.mark.full),
    ],
    ids=["no-vision", "base-alone"],
)
def test_a_server_that_lost_the_adapter_or_a_part_of_it_is_not_used(
    fleet: Fleet, alone: Answer, flags: tuple[str, ...], bare: bool, lost: str
) -> None:
    fleet.stop()
    server = fleet.start(*flags, bare=bare)
    try:
        assert httpx.get(f"{server.url}/v1/models", trust_env=False).status_code == 401
        with serve(Settings(thinking_url=server.url, thinking_canary=fleet.canary, **LINES)) as client:
            thinking = checked(client)
            answer, _ = compared(client)
            shown = client.get("/metrics").text
        told = CliRunner().invoke(thinking_app, ["check", server.url, "--canary", str(fleet.canary)])
    finally:
        server.kill()
    assert {found["check"]: found["passed"] for found in thinking["checks"]} == PROVEN | {"canary": False}
    assert lost in thinking["barred"]
    assert 'idiff_thinking_check{adapter="rationale",check="canary"} 0.0' in shown
    fell_back(answer, alone, "unproven")
    assert told.exit_code == 1
    assert lost in told.output
