"""The check of a Thinking Model's server: what it proves, what it refuses, and what that does to the service."""

import asyncio
import json
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
import pytest
from conftest import serve

from idiff.config import Settings
from idiff.thinking.canary import Canary, CanaryRefused
from idiff.thinking.client import ThinkingModel
from idiff.thinking.options import Reason, ThinkingOptions, ThinkingUnavailable
from idiff.thinking.proof import Finding, Proof, prove
from idiff.thinking.watch import check_now, watch

LOGPROBS = [-0.5 * place for place in range(10)]
CANARY = Canary(
    messages=[{"role": "user", "content": "?"}, {"role": "assistant", "content": "!"}],
    logprobs=LOGPROBS,
    tolerance=0.1,
    margins={"base": 1.5, "language": 0.3},
)


def vllm(**changes: object) -> Callable[[httpx.Request], httpx.Response]:
    """A server as it should be, but for the changes."""
    found: dict[str, Any] = {
        "models": ["base", "rationale"],
        "logprobs": [-9.0, *LOGPROBS],
        "text": "Violet 777777777777",
        "cached": 32,
    } | changes

    def answer(request: httpx.Request) -> httpx.Response:
        if request.url.path == "/v1/models":
            return httpx.Response(200, json={"data": [{"id": name} for name in found["models"]]})
        asked = json.loads(request.content)
        assert asked["model"] == "rationale"
        assert asked["temperature"] == 0
        told: dict[str, Any] = {"choices": [{"message": {"content": found["text"]}}]}
        told["usage"] = {"prompt_tokens": 40, "prompt_tokens_details": {"cached_tokens": found["cached"]}}
        if "prompt_logprobs" in asked:
            assert asked["continue_final_message"]
            assert not asked["add_generation_prompt"]
            told["prompt_logprobs"] = [None, *({"7": {"logprob": value}} for value in found["logprobs"])]
        return httpx.Response(200, json=told)

    return answer


def proof(answer: Callable[[httpx.Request], httpx.Response], canary: Canary | None = CANARY) -> Proof:
    async def proven() -> Proof:
        transport = httpx.MockTransport(answer)
        async with httpx.AsyncClient(transport=transport, base_url="http://vllm/v1/") as http:
            return await prove(http, ThinkingOptions("http://vllm"), canary)

    return asyncio.run(proven())


def outcomes(found: Proof) -> dict[str, bool | None]:
    return {finding.check: finding.passed for finding in found.findings}


def test_a_server_as_it_should_be_passes() -> None:
    found = proof(vllm())
    assert outcomes(found) == {"adapter": True, "canary": True, "form": True, "prefix_cache": True}
    assert found.passed


@pytest.mark.parametrize(
    ("changes", "check", "said"),
    [
        ({"models": ["base"]}, "adapter", "base"),
        ({"logprobs": [value - 0.28 for value in LOGPROBS]}, "canary", "without its vision part"),
        ({"logprobs": [value - 1.4 for value in LOGPROBS]}, "canary", "without the adapter"),
        ({"logprobs": LOGPROBS[:5]}, "canary", "5 tokens came, 10 are needed"),
        ({"text": "Purple, I would say."}, "form", "Purple"),
    ],
)
def test_a_server_that_lost_something_is_refused(changes: dict[str, Any], check: str, said: str) -> None:
    found = proof(vllm(**changes))
    assert outcomes(found)[check] is False
    assert said in next(finding.detail for finding in found.findings if finding.check == check)
    assert not found.passed
    assert check in str(found)


def test_a_cold_prefix_cache_is_told_but_bars_nothing() -> None:
    assert outcomes(proof(vllm(cached=0)))["prefix_cache"] is False
    assert proof(vllm(cached=0)).passed
    assert outcomes(proof(vllm(cached=None)))["prefix_cache"] is None


def test_without_a_reference_the_canary_is_not_checked() -> None:
    found = proof(vllm(), None)
    assert outcomes(found)["canary"] is None
    assert found.passed


@pytest.mark.parametrize(
    ("answer", "reason"),
    [
        (lambda _: httpx.Response(503), "busy"),
        (lambda _: httpx.Response(500, text="no"), "upstream_error"),
        (lambda _: httpx.Response(200, text="<html>"), "malformed"),
        (lambda request: (_ for _ in ()).throw(httpx.ConnectError("no", request=request)), "unreachable"),
        (lambda request: (_ for _ in ()).throw(httpx.ReadTimeout("no", request=request)), "timeout"),
    ],
)
def test_a_server_that_does_not_answer_proves_nothing(
    answer: Callable[[httpx.Request], httpx.Response], reason: Reason
) -> None:
    with pytest.raises(ThinkingUnavailable) as raised:
        proof(answer)
    assert raised.value.reason == reason


def test_a_canary_file_that_is_none_is_refused_by_name(tmp_path: Path) -> None:
    path = tmp_path / "canary.json"
    for content in (None, "{", json.dumps({"version": 2})):
        if content is not None:
            path.write_text(content)
        with pytest.raises(CanaryRefused, match=r"canary\.json"):
            Canary.read(path)
    path.write_text(CANARY.model_dump_json())
    assert Canary.read(path) == CANARY


PASSED, FAILED = (Proof((Finding("form", passed, "why"),)) for passed in (True, False))
GONE, BROKEN = ThinkingUnavailable("unreachable", "gone"), RuntimeError("a bug")
Outcome = Proof | Exception


def watched(model: ThinkingModel, checks: list[Outcome], canary: Path | None = None) -> list[tuple[Proof | None, bool]]:
    """What a watch told of these checks; it is stopped when it asks for one more."""
    left, seen, over = list(checks), [], asyncio.Event()

    async def scripted(_: Canary | None) -> Proof:
        if not left:
            over.set()
            await asyncio.sleep(60)
        outcome = left.pop(0)
        if isinstance(outcome, Exception):
            raise outcome
        return outcome

    async def scenario() -> None:
        watching = asyncio.create_task(watch(model, canary, 0.001, lambda proof, barred: seen.append((proof, barred))))
        waiting = asyncio.create_task(over.wait())
        async with asyncio.timeout(10):
            await asyncio.wait([watching, waiting], return_when=asyncio.FIRST_COMPLETED)
        assert over.is_set() or canary, "the watch ended"
        watching.cancel()
        waiting.cancel()
        await asyncio.gather(watching, waiting, return_exceptions=True)
        await model.aclose()

    model.prove = scripted  # type: ignore[method-assign]
    asyncio.run(scenario())
    return seen


@pytest.mark.parametrize(
    ("checks", "barred"),
    [
        ([PASSED], None),
        ([FAILED], "form: why"),
        ([GONE], "unreachable: gone"),
        ([BROKEN], "not checked yet"),
        ([GONE, PASSED], None),
        ([PASSED, GONE], None),
        ([PASSED, BROKEN], None),
        ([PASSED, FAILED], "form: why"),
        ([FAILED, GONE], "form: why"),
    ],
)
def test_the_checks_decide_whether_the_model_is_used(checks: list[Outcome], barred: str | None) -> None:
    model = ThinkingModel(ThinkingOptions("http://127.0.0.1:1"))
    seen = watched(model, checks)
    assert model.barred == barred
    assert [proof for proof, _ in seen] == [check if isinstance(check, Proof) else None for check in checks]
    assert seen[-1][1] is (barred is not None)


def test_a_canary_that_is_none_bars_the_model(tmp_path: Path) -> None:
    async def scenario() -> tuple[Proof | None, ThinkingModel]:
        async with ThinkingModel(ThinkingOptions("http://127.0.0.1:1")) as model:
            model.proof = PASSED
            return await check_now(model, tmp_path / "canary.json"), model

    proof, model = asyncio.run(scenario())
    assert (proof, model.proof) == (None, None)
    assert "canary.json" in (model.barred or "")


def test_a_service_tells_that_its_model_is_not_used(files: dict[str, bytes]) -> None:
    """Nobody listens, so the check cannot be made: what answers is measured, and /info and a metric say so."""
    settings = Settings(thinking_url="http://127.0.0.1:9", thinking_trial="next", thinking_trial_share=1.0)
    with serve(settings) as client:
        deadline = time.monotonic() + 10
        while "unreachable" not in str((info := client.get("/info").json())["thinking_trial"]["barred"]):
            assert time.monotonic() < deadline
            time.sleep(0.05)
        rationale = client.post("/compare", files=files).json()["rationale"]
        metrics = client.get("/metrics").text
    assert (rationale["source"], rationale["reason"]) == ("measured", "unproven")
    assert info["thinking_trial"]["checks"] == []
    assert 'idiff_thinking_barred{adapter="next"} 1.0' in metrics
    assert 'idiff_rationales_total{adapter="",reason="unproven",source="measured"} 1.0' in metrics


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"thinking_trial": "next"}, "thinking_url"),
        ({"thinking_url": "http://vllm", "thinking_trial": "rationale"}, "another name"),
        ({"thinking_trial_canary": "canary.json"}, "without thinking_trial"),
        ({"thinking_canary": "canary.json", "thinking_check_s": 0}, "makes no check"),
    ],
)
def test_settings_that_would_check_nothing_are_refused(changes: dict[str, Any], said: str) -> None:
    with pytest.raises(ValueError, match=said):
        Settings(**changes)
