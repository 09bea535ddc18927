"""The check of a Thinking Model's server: what it proves, what it refuses, and what that does to the service."""

import asyncio
import json
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import httpx
import pytest

from idiff.thinking.canary import Canary, CanaryRefused
from idiff.thinking.client import ThinkingModel
from idiff.thinking.options import Reason, ThinkingOptions, ThinkingUnavailable
from idiff.thinking.proof import Finding, Proof, prove
from idiff.thinking.watch import watch

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
        ({"logprobs": [value - 0.28 for value in LOGPROBS]}, "canary", "language"),
        ({"logprobs": [value - 1.4 for value in LOGPROBS]}, "canary", "base"),
        ({"logprobs": LOGPROBS[:5]}, "canary", "inf"),
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


PASSED, FAILED = (Proof((Finding("form", passed, ""),)) for passed in (True, False))
GONE = ThinkingUnavailable("unreachable")


@pytest.mark.parametrize(
    ("checks", "barred"),
    [
        ([PASSED], None),
        ([FAILED], "unproven"),
        ([GONE], "unreachable"),
        ([GONE, PASSED], None),
        ([PASSED, GONE], None),
        ([PASSED, FAILED], "unproven"),
        ([FAILED, GONE], "unproven"),
    ],
)
def test_the_checks_decide_whether_the_model_is_used(
    checks: list[Proof | ThinkingUnavailable], barred: Reason | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    model = ThinkingModel(ThinkingOptions("http://127.0.0.1:1"))
    left, seen, over = list(checks), [], asyncio.Event()

    async def scripted(_: Canary | None) -> Proof:
        if not left:
            over.set()
            await asyncio.sleep(60)
        outcome = left.pop(0)
        if isinstance(outcome, ThinkingUnavailable):
            raise outcome
        return outcome

    async def scenario() -> None:
        watching = asyncio.create_task(watch(model, None, 0.001, seen.append))
        await asyncio.sleep(0)
        await over.wait()
        watching.cancel()
        with suppress(asyncio.CancelledError):
            await watching

    monkeypatch.setattr(model, "prove", scripted)
    asyncio.run(scenario())
    assert model.barred == barred
    assert seen == [check for check in checks if isinstance(check, Proof)]
