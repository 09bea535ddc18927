"""Whether a server is the Thinking Model it should be: adapter listed and active, form enforced, prefix reused."""

import asyncio
import re
from dataclasses import dataclass
from typing import Any, Final, Literal, TypeVar

import httpx
from pydantic import BaseModel, ValidationError

from idiff.thinking.canary import Canary, Loss
from idiff.thinking.families import FAMILIES
from idiff.thinking.options import ThinkingOptions, ThinkingUnavailable
from idiff.thinking.prompt import build
from idiff.thinking.sse import FULL, Usage

M = TypeVar("M", bound=BaseModel)
Check = Literal["adapter", "canary", "form", "prefix_cache"]

TIMEOUT_S: Final = 120.0
"""Of one request: the first after a server's start may take most of a minute."""

LOST: Final[dict[Loss, str]] = {"base": "without the adapter", "language": "without its vision part"}

FORM: Final = "Violet 7{12}"
"""A text that no model would write unless it is held to it."""


@dataclass(frozen=True, slots=True)
class Finding:
    """One check: `passed` is None where it could not be made. A failed `prefix_cache` costs time, nothing else."""

    check: Check
    passed: bool | None
    detail: str

    @property
    def gates(self) -> bool:
        """Whether a failure makes the model unusable."""
        return self.check != "prefix_cache"


@dataclass(frozen=True, slots=True)
class Proof:
    """All checks of one server."""

    findings: tuple[Finding, ...]

    @property
    def failures(self) -> tuple[Finding, ...]:
        """The checks that failed."""
        return tuple(finding for finding in self.findings if finding.passed is False)

    @property
    def passed(self) -> bool:
        """Whether every check that gates the model's use passed, or could not be made."""
        return not any(finding.gates for finding in self.failures)

    def __str__(self) -> str:
        return "; ".join(f"{finding.check}: {finding.detail}" for finding in self.failures)


class _Models(BaseModel):
    class Model(BaseModel):
        id: str

    data: list[Model]


class _Answer(BaseModel):
    class Choice(BaseModel):
        class Message(BaseModel):
            content: str | None = None

        message: Message

    class Token(BaseModel):
        logprob: float

    choices: list[Choice]
    usage: Usage | None = None
    prompt_logprobs: list[dict[str, Token] | None] | None = None


async def prove(http: httpx.AsyncClient, options: ThinkingOptions, canary: Canary | None) -> Proof:
    """Check the server behind `http` for the adapter that `options` names; without a canary, all but what it proves.

    Raises:
        ThinkingUnavailable: no answer came that could be judged.
    """
    listed = _parse(_Models, await _ask(http, "GET", "models"))
    model, names = options.model, [entry.id for entry in listed.data]
    if model not in names:
        return Proof((Finding("adapter", False, f"{model!r} is not served; served are {', '.join(names)[:200]}"),))
    adapter = Finding("adapter", True, f"{model!r} is listed")
    return Proof((adapter, await _canary(http, options, canary), *await _form_and_cache(http, options)))


async def _canary(http: httpx.AsyncClient, options: ThinkingOptions, canary: Canary | None) -> Finding:
    if canary is None:
        return Finding("canary", None, "no canary.json was given: nothing proves that all of the adapter is loaded")
    asked = {"messages": canary.messages, "prompt_logprobs": 0, "max_tokens": 1}
    answer = await _chat(http, options, **asked, add_generation_prompt=False, continue_final_message=True)
    found = [next(iter(token.values())).logprob for token in answer.prompt_logprobs or [] if token]
    distance = canary.distance(found)
    if distance is None:
        return Finding(
            "canary", False, f"log-probabilities of {len(found)} tokens came, {len(canary.logprobs)} are needed"
        )
    likely = min(canary.margins, key=lambda name: abs(canary.margins[name] - distance))
    detail = f"log-probabilities differ by {distance:.3f} on average, {canary.tolerance:.3f} are allowed"
    if distance <= canary.tolerance:
        return Finding("canary", True, detail)
    return Finding("canary", False, f"{detail}; {LOST[likely]} they would by {canary.margins[likely]:.3f}")


async def _form_and_cache(http: httpx.AsyncClient, options: ThinkingOptions) -> tuple[Finding, Finding]:
    prompt = build(None, None, None)
    messages = [{"role": "system", "content": prompt.system}, {"role": "user", "content": prompt.user}]
    asked = {"messages": messages, "structured_outputs": {"regex": FORM}, "max_tokens": 32}
    answers = [await _chat(http, options, **asked) for _ in range(2)]
    text = answers[1].choices[0].message.content or ""
    enforced = re.fullmatch(FORM, text) is not None
    form = Finding("form", enforced, "held to it" if enforced else f"asked for {FORM}, got {text[:60]!r}")
    details = answers[1].usage.prompt_tokens_details if answers[1].usage else None
    cached = details.cached_tokens if details else None
    if cached is None:
        return form, Finding("prefix_cache", None, "the server does not tell (--enable-prompt-tokens-details)")
    return form, Finding("prefix_cache", cached > 0, f"{cached} tokens of a repeated prompt came from the cache")


async def _chat(http: httpx.AsyncClient, options: ThinkingOptions, **asked: Any) -> _Answer:  # noqa: ANN401 - the request's JSON
    content = {**FAMILIES[options.family].extra, "model": options.model, "temperature": 0.0, **asked}
    body = await _ask(http, "POST", "chat/completions", content)
    answer = _parse(_Answer, body)
    if not answer.choices:
        raise ThinkingUnavailable("malformed", "an answer without a choice")
    return answer


async def _ask(http: httpx.AsyncClient, method: str, path: str, content: dict[str, Any] | None = None) -> bytes:
    try:
        async with asyncio.timeout(TIMEOUT_S):
            answer = await http.request(method, path, json=content)
    except (TimeoutError, httpx.TimeoutException):
        raise ThinkingUnavailable("timeout", f"{path}: no answer within {TIMEOUT_S:.0f} s") from None
    except (httpx.TransportError, httpx.DecodingError) as error:
        raise ThinkingUnavailable("unreachable", f"{path}: {type(error).__name__}: {error}") from None
    if answer.status_code in FULL:
        raise ThinkingUnavailable("busy", f"{path}: status {answer.status_code}")
    if answer.status_code != httpx.codes.OK:
        raise ThinkingUnavailable("upstream_error", f"{path}: status {answer.status_code}: {answer.text[:200]}")
    return answer.content


def _parse(kind: type[M], body: bytes) -> M:
    try:
        return kind.model_validate_json(body)
    except ValidationError as error:
        raise ThinkingUnavailable("malformed", f"not the protocol: {error.errors()[0]['msg']}") from None
