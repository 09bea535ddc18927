"""The Thinking Model client against a server whose faults are chosen."""

import asyncio
import base64
import socket
import time
from collections.abc import AsyncIterator, Coroutine
from contextlib import aclosing, asynccontextmanager
from io import BytesIO
from typing import Any, TypeVar

import pytest
from PIL import Image
from thinking_support import (
    RATIONALE,
    Behaviour,
    FakeVllm,
    chunk,
    complete,
    hangs,
    hangs_midway,
    prompt,
    resets,
    status,
    streams,
    turns,
    views,
)

from idiff.thinking import messages
from idiff.thinking.call import Call
from idiff.thinking.client import RETRIED, Delta, Restart, ThinkingModel
from idiff.thinking.messages import Encoded
from idiff.thinking.options import Reason, ThinkingOptions, ThinkingUnavailable
from idiff.types import Image as Pixels
from idiff.types import Rationale

T = TypeVar("T")

FAULTS: dict[str, tuple[Behaviour, Reason]] = {
    "503": (status(503), "busy"),
    "429": (status(429), "busy"),
    "500": (status(500, '{"error": {"message": "engine dead"}}'), "upstream_error"),
    "404": (status(404), "upstream_error"),
    "redirect": (status(302), "upstream_error"),
    "broken-json": (streams("{broken"), "malformed"),
    "wrong-type": (streams('{"choices": [{"delta": {"content": 7}}]}'), "malformed"),
    "error-event": (streams(chunk("x"), '{"error": {"message": "aborted", "code": 500}}'), "upstream_error"),
    "full-event": (streams('{"error": {"message": "busy", "code": 503}}'), "busy"),
    "odd-error": (streams('{"error": "what"}'), "upstream_error"),
    "length": (streams(chunk(RATIONALE), chunk(finish="length"), "[DONE]"), "incomplete"),
    "abort": (streams(chunk(RATIONALE), chunk(finish="abort"), "[DONE]"), "upstream_error"),
    "ends-early": (streams(chunk(RATIONALE)), "unreachable"),
    "reset": (resets, "unreachable"),
    "endless-event": (streams("x" * (2 << 20)), "malformed"),
    "no-form": (complete("No form at all."), "malformed"),
    "no-summary": (complete("\n".join(RATIONALE.splitlines()[:-1])), "malformed"),
    "too-few-lines": (complete("\n".join(RATIONALE.splitlines()[-2:])), "malformed"),
}


def run(work: Coroutine[object, object, T]) -> T:
    return asyncio.run(work)


@asynccontextmanager
async def serving(behaviour: Behaviour, **options: object) -> AsyncIterator[tuple[FakeVllm, ThinkingModel]]:
    """A server that behaves so, and a client of it with these options."""
    async with FakeVllm(behaviour) as server, ThinkingModel(server.options(**options)) as model:
        yield server, model


async def explained(model: ThinkingModel) -> list[Delta | Restart | Rationale]:
    async with aclosing(model.explain(prompt(), views())) as events:
        return [event async for event in events]


async def reason_of(model: ThinkingModel) -> Reason | None:
    try:
        await explained(model)
    except ThinkingUnavailable as error:
        return error.reason
    return None


async def against(behaviour: Behaviour, **options: object) -> tuple[Reason | None, float, list[Call]]:
    """Reason, seconds taken and calls observed of one rationale asked of a server that behaves so."""
    calls: list[Call] = []
    async with FakeVllm(behaviour) as server, ThinkingModel(server.options(**options), observer=calls.append) as model:
        start = time.monotonic()
        reason = await reason_of(model)
        return reason, time.monotonic() - start, calls


def test_streams_deltas_then_the_rationale() -> None:
    calls: list[Call] = []

    async def scenario() -> list[Delta | Restart | Rationale]:
        async with (
            FakeVllm(complete()) as server,
            ThinkingModel(server.options(), observer=calls.append) as model,
        ):
            return await explained(model)

    *deltas, rationale = run(scenario())
    assert len(deltas) > 5
    assert all(isinstance(delta, Delta) for delta in deltas)
    assert "".join(delta.text for delta in deltas if isinstance(delta, Delta)) == RATIONALE
    assert isinstance(rationale, Rationale)
    assert rationale.source == "model"
    assert rationale.reason is None
    assert rationale.text == RATIONALE
    assert rationale.prompt_version == prompt().version
    assert [(line.region, line.metric, line.favours) for line in rationale.lines] == [
        ("Face", "Sharpness", "A"),
        ("Hair", "Texture", "A"),
        ("Background", "Noise", None),
        ("Clothing", "Artifacts", "A"),
    ]
    assert rationale.summary.startswith("Image A (Left) is preferred")
    (call,) = calls
    assert call.outcome == "ok"
    assert (call.prompt_tokens, call.cached_tokens, call.completion_tokens) == (900, 576, 80)
    assert call.first_token_s is not None
    assert 0 < call.first_token_s <= call.seconds


@pytest.mark.parametrize("fault", ["no-form", "no-summary", "too-few-lines", "length", "broken-json"])
def test_a_text_that_fails_is_asked_for_once_more(fault: str) -> None:
    behaviour, reason = FAULTS[fault]

    async def scenario() -> tuple[list[Delta | Restart | Rationale], list[float]]:
        async with serving(turns(behaviour, complete())) as (server, model):
            return await explained(model), [request["temperature"] for request in server.requests]

    events, temperatures = run(scenario())
    (place,) = (place for place, event in enumerate(events) if isinstance(event, Restart))
    assert events[place] == Restart(reason)
    *again, rationale = events[place + 1 :]
    assert "".join(delta.text for delta in again if isinstance(delta, Delta)) == RATIONALE
    assert isinstance(rationale, Rationale)
    assert temperatures[0] == 0 < temperatures[1]


def test_every_call_about_a_pair_sends_the_same_encoded_views(monkeypatch: pytest.MonkeyPatch) -> None:
    encoded: list[int] = []
    plain = messages.encode

    def counting(view: Pixels, pixels: int) -> bytes:
        encoded.append(pixels)
        return plain(view, pixels)

    async def scenario() -> list[dict[str, Any]]:
        async with serving(turns(complete("No form."), complete(), complete("No scores."))) as (server, model):
            pair = Encoded(views())
            async with aclosing(model.explain(prompt(), pair)) as events:
                assert [event async for event in events]
            with pytest.raises(ThinkingUnavailable):
                await model.rate(prompt(), pair)
            return server.requests

    monkeypatch.setattr(messages, "encode", counting)
    requests = run(scenario())
    assert len(encoded) == 4
    one, again, scores = ([part for part in user(asked) if part["type"] == "image_url"] for asked in requests)
    assert len(one) == 4
    assert one == again == scores


def user(request: dict[str, Any]) -> list[dict[str, Any]]:
    """The parts of a request's user message."""
    parts: list[dict[str, Any]] = request["messages"][1]["content"]
    return parts


def test_the_second_try_has_the_rest_of_the_deadline() -> None:
    reason, seconds, calls = run(against(turns(complete("No form.", pause=0.3), hangs), deadline_s=1.5))
    assert reason == "timeout"
    assert seconds == pytest.approx(1.5, abs=0.3)
    assert [call.outcome for call in calls] == ["ok", "timeout"]


def test_a_second_failure_is_final() -> None:
    faults = (FAULTS[name][0] for name in ("no-form", "length", "no-form"))
    reason, _, calls = run(against(turns(*faults)))
    assert (reason, len(calls)) == ("incomplete", 2)


def test_first_delta_arrives_long_before_the_last() -> None:
    async def scenario() -> list[float]:
        async with serving(complete(pause=0.02)) as (_, model), aclosing(model.explain(prompt(), views())) as events:
            return [time.monotonic() async for _ in events]

    times = run(scenario())
    assert times[-1] - times[0] > 0.02 * (len(times) - 4)


@pytest.mark.parametrize(("behaviour", "reason"), FAULTS.values(), ids=FAULTS)
def test_every_fault_has_its_reason(behaviour: Behaviour, reason: Reason) -> None:
    got, seconds, calls = run(against(behaviour))
    assert got == reason
    assert seconds < 5
    # The form is judged after the call, whose own outcome is then fine; a text that fails is asked for twice.
    tries = 2 if reason in RETRIED else 1
    assert [call.outcome for call in calls] in ([reason] * tries, ["ok"] * tries)


@pytest.mark.parametrize("behaviour", [hangs, hangs_midway, complete(pause=0.2)], ids=["silent", "midway", "slow"])
def test_the_deadline_holds(behaviour: Behaviour) -> None:
    reason, seconds, _ = run(against(behaviour, deadline_s=0.4))
    assert reason == "timeout"
    assert 0.35 < seconds < 1.5


def test_the_first_words_have_a_deadline_of_their_own() -> None:
    assert run(against(hangs, first_token_s=0.2))[:1] == ("timeout",)
    reason, seconds, _ = run(against(complete(pause=0.02), first_token_s=0.2))
    assert reason is None
    assert seconds > 0.2


def test_a_slow_consumer_is_not_interrupted_while_it_works() -> None:
    async def scenario() -> None:
        async with (
            serving(complete(pause=0.05), deadline_s=0.3) as (_, model),
            aclosing(model.stream(prompt(), views(), ".*")) as pieces,
        ):
            await anext(pieces)
            await asyncio.sleep(0.5)
            with pytest.raises(ThinkingUnavailable, match="timeout"):
                async for _ in pieces:
                    pass

    run(scenario())


def test_no_server_is_unreachable_at_once() -> None:
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{unused.getsockname()[1]}/v1"

        async def scenario() -> Reason | None:
            async with ThinkingModel(ThinkingOptions(url)) as model:
                return await reason_of(model)

        start = time.monotonic()
        assert run(scenario()) == "unreachable"
        assert time.monotonic() - start < 2


def test_without_a_url_nothing_is_configured() -> None:
    async def scenario() -> Reason | None:
        async with ThinkingModel(ThinkingOptions()) as model:
            return await reason_of(model)

    assert run(scenario()) == "not_configured"


@pytest.mark.parametrize("url", ["ftp://host", "host:8000", "http://", "http://[::1"])
def test_a_bad_url_is_refused_when_the_client_is_made(url: str) -> None:
    with pytest.raises(ValueError, match="URL"):
        ThinkingModel(ThinkingOptions(url))


def test_the_circuit_opens_and_a_probe_closes_it() -> None:
    async def scenario() -> None:
        async with serving(status(500), breaker_failures=2, breaker_reset_s=0.2) as (server, model):
            assert [await reason_of(model) for _ in range(2)] == ["upstream_error", "upstream_error"]
            assert model.breaker.state == "open"
            assert await reason_of(model) == "circuit_open"
            assert len(server.requests) == 2
            await asyncio.sleep(0.25)
            server.behaviour = complete()
            assert model.breaker.state == "half_open"
            assert await reason_of(model) is None
            assert model.breaker.state == "closed"

    run(scenario())


def test_a_full_server_does_not_open_the_circuit() -> None:
    async def scenario() -> str:
        async with serving(status(503), breaker_failures=1) as (_, model):
            assert await reason_of(model) == "busy"
            return model.breaker.state

    assert run(scenario()) == "closed"


def test_the_cap_holds_and_the_line_is_short() -> None:
    async def scenario() -> tuple[list[Reason | None], int]:
        async with serving(complete(pause=0.1), max_concurrency=2, max_waiting=1) as (server, model):
            tasks = [asyncio.create_task(reason_of(model)) for _ in range(5)]
            while len(server.requests) < 2:
                await asyncio.sleep(0.01)
            await asyncio.sleep(0.1)
            most = len(server.requests)
            assert (model.slots.running, model.slots.waiting) == (2, 1)
            return list(await asyncio.gather(*tasks)), most

    reasons, most = run(scenario())
    assert most == 2
    assert sorted(reasons, key=str) == [None, None, None, "busy", "busy"]


def test_waiting_for_a_slot_ends_with_the_deadline() -> None:
    async def scenario() -> Reason | None:
        start = asyncio.get_running_loop().time()
        async with serving(complete(), max_concurrency=1, deadline_s=0.2) as (_, model), model.slots.hold(start + 1):
            return await reason_of(model)

    assert run(scenario()) == "busy"


@pytest.mark.parametrize("how", ["cancel", "close"])
def test_a_caller_who_leaves_takes_the_request_along(how: str) -> None:
    calls: list[Call] = []

    async def scenario() -> None:
        async with (
            FakeVllm(hangs_midway) as server,
            ThinkingModel(server.options(deadline_s=30.0), observer=calls.append) as model,
        ):
            if how == "close":
                async with aclosing(model.explain(prompt(), views())) as events:
                    await anext(events)
            else:
                task = asyncio.create_task(explained(model))
                await asyncio.sleep(0.2)
                task.cancel()
                with pytest.raises(asyncio.CancelledError):
                    await task
            await asyncio.wait_for(server.disconnected.wait(), 2)
            assert (model.slots.running, model.breaker.state) == (0, "closed")

    run(scenario())
    assert [call.outcome for call in calls] == ["cancelled"]


def test_the_request_is_what_vllm_needs() -> None:
    async def scenario() -> tuple[dict[str, Any], str]:
        async with serving(complete(), api_key="secret", model="tuned", view_pixels=4096) as (server, model):
            await explained(model)
            assert "secret" not in repr(model.options)
            return server.requests[0], server.headers[0]

    request, headers = run(scenario())
    assert headers.startswith("POST /v1/chat/completions ")
    assert "authorization: bearer secret" in headers.lower()
    assert request["model"] == "tuned"
    assert request["temperature"] == 0
    assert request["stream"] is True
    assert set(request["structured_outputs"]) == {"regex"}
    system, user = request["messages"]
    assert system["content"] == prompt().system
    parts = user["content"]
    assert parts[0] == {"type": "text", "text": prompt().user}
    labels = [part["text"].strip() for part in parts[1::2]]
    assert labels == ["Global view, Left:", "Global view, Right:", "Crop view, Left:", "Crop view, Right:"]
    images = parts[2::2]
    assert len({image["uuid"] for image in images}) == 4
    for image in images:
        url = image["image_url"]["url"]
        assert url.startswith("data:image/jpeg;base64,")
        with Image.open(BytesIO(base64.b64decode(url.split(",")[1]))) as picture:
            assert picture.width * picture.height <= 4096


def test_waiting_in_our_own_line_says_nothing_of_the_server() -> None:
    """With one slot and answers that take longer than a first word may, the second caller still gets its answer."""

    async def main() -> list[str]:
        slow = complete(pause=0.04)
        async with FakeVllm(slow) as server:
            options = server.options(max_concurrency=1, max_waiting=4, first_token_s=0.3, breaker_failures=1)
            async with ThinkingModel(options) as model:

                async def ask() -> str:
                    async with aclosing(model.stream(prompt(), views(), ".*")) as pieces:
                        return "".join([piece async for piece in pieces])

                texts = await asyncio.gather(*(ask() for _ in range(3)))
                assert model.breaker.state == "closed"
                return texts

    assert run(main()) == [RATIONALE] * 3
