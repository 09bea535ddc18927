"""The Thinking Model on an OpenAI-compatible vLLM server: streamed, bounded in time and number, and easily given up."""

import asyncio
import math
from collections.abc import AsyncGenerator, AsyncIterator, Callable
from concurrent.futures import Executor
from contextlib import AbstractAsyncContextManager, aclosing
from dataclasses import dataclass, replace
from functools import partial
from types import TracebackType
from typing import Final, Self

from idiff.breaker import Breaker
from idiff.thinking import attributes
from idiff.thinking.call import Call, Clock, Observer
from idiff.thinking.canary import Canary
from idiff.thinking.messages import Encoded, request_body
from idiff.thinking.options import Reason, ThinkingOptions, ThinkingUnavailable
from idiff.thinking.prompt import Prompt
from idiff.thinking.proof import Proof, prove
from idiff.thinking.reply import form_of, read, read_judged
from idiff.thinking.slots import Slots
from idiff.thinking.sse import Chunk, Usage
from idiff.thinking.upstream import completion, http_client
from idiff.types import Attributes, Rationale, Side, Views

OUTCOMES: dict[Reason, bool] = {
    "timeout": False,
    "unreachable": False,
    "upstream_error": False,
    "malformed": False,
    "incomplete": True,
}
"""What a failure says of the server's health to the circuit breaker: a full server is neither sick nor sound."""


RETRIED: Final = frozenset({"malformed", "incomplete"})
"""Failures of the text, not of the server: another try may do better."""


@dataclass(frozen=True, slots=True)
class Delta:
    """A piece of the rationale's text, as it is written."""

    text: str


@dataclass(frozen=True, slots=True)
class Restart:
    """What was streamed of the rationale so far must be dropped."""

    reason: str


Pictures = Views | Encoded
"""A pair's views: as they are, or such that several calls about the pair encode them once."""


class ThinkingModel(AbstractAsyncContextManager["ThinkingModel"]):
    """Client of one server. Belongs to the event loop it is first used on; close it with `aclose` or `async with`.

    `executor` encodes the views (the loop's default one if None). `observer` is told of every call.
    `breaker.state`, `slots.running` and `slots.waiting` are there to be read; `barred`, where it is set, is why the
    server is not asked, and `proof` what its last check found.
    """

    def __init__(
        self, options: ThinkingOptions, *, executor: Executor | None = None, observer: Observer | None = None
    ) -> None:
        self.options = options
        self.breaker = Breaker(options.breaker_failures, options.breaker_reset_s)
        self.slots = Slots(options.max_concurrency, options.max_waiting)
        self.barred: str | None = None
        self.proof: Proof | None = None
        self._http = http_client(options.url, options) if options.url else None
        self._executor = executor
        self._observer = observer

    async def aclose(self) -> None:
        """Close the connections."""
        if self._http:
            await self._http.aclose()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.aclose()

    async def explain(
        self, prompt: Prompt, views: Pictures, within_s: float = math.inf
    ) -> AsyncGenerator[Delta | Restart | Rationale]:
        """The rationale piece by piece, and at last as a whole with source "model"; within `within_s` seconds, where
        that is sooner than the deadline.

        Text that is cut off or not of the form is asked for once more, within the same deadline and no longer greedily:
        a `Restart` makes void what was yielded before it. Whoever stops early must close this iterator
        (`contextlib.aclosing`), for the server to stop too.

        Raises:
            ThinkingUnavailable: at any point; what was yielded before is then void.
        """
        clock, views = self._clock(within_s), Encoded.of(views)
        try:
            async with aclosing(self._attempt(prompt, views, 0.0, clock)) as events:
                async for event in events:
                    yield event
            return
        except ThinkingUnavailable as error:
            again = self._again(error, clock)
            yield Restart(error.reason)
        async with aclosing(self._attempt(prompt, views, self.options.retry_temperature, again)) as events:
            async for event in events:
                yield event

    def _again(self, error: ThinkingUnavailable, clock: Clock) -> Clock:
        """What is left of the deadlines for another try; raises `error` where none would help."""
        if error.reason not in RETRIED:
            raise error
        return clock.rest()

    def _clock(self, within_s: float = math.inf) -> Clock:
        return Clock(self.options.deadline_s, self.options.first_token_s, within_s)

    async def _attempt(
        self, prompt: Prompt, views: Encoded, temperature: float, clock: Clock
    ) -> AsyncGenerator[Delta | Rationale]:
        form = form_of(prompt, self.options)
        pieces: list[str] = []
        async with aclosing(self.stream(prompt, views, form, temperature, clock)) as stream:
            async for piece in stream:
                pieces.append(piece)
                yield Delta(piece)
        yield read("".join(pieces), prompt, self.options)

    async def judge(self, prompt: Prompt, views: Pictures) -> tuple[Rationale, Side]:
        """The model's own judgement, rationale first, for a prompt built with `judge`; tried twice as `explain` is.

        Raises:
            ThinkingUnavailable: no usable one came in time.
        """
        clock, views = self._clock(), Encoded.of(views)
        try:
            return await self._judged(prompt, views, 0.0, clock)
        except ThinkingUnavailable as error:
            again = self._again(error, clock)
        return await self._judged(prompt, views, self.options.retry_temperature, again)

    async def _judged(self, prompt: Prompt, views: Encoded, temperature: float, clock: Clock) -> tuple[Rationale, Side]:
        form = form_of(prompt, self.options, judged=True)
        async with aclosing(self.stream(prompt, views, form, temperature, clock)) as pieces:
            text = "".join([piece async for piece in pieces])
        return read_judged(text, prompt, self.options)

    async def prove(self, canary: Canary | None) -> Proof:
        """What a check of the server finds now.

        Raises:
            ThinkingUnavailable: it could not be checked.
        """
        if self._http is None:
            raise ThinkingUnavailable("not_configured")
        return await prove(self._http, self.options, canary)

    async def rate(self, prompt: Prompt, views: Pictures, within_s: float = math.inf) -> Attributes:
        """Scores of both photos' attributes; `within_s` as of `explain`.

        Raises:
            ThinkingUnavailable: no usable ones came in time.
        """
        form, clock = attributes.scores_regex(), self._clock(within_s)
        async with aclosing(self.stream(prompt, views, form, clock=clock)) as pieces:
            scored = attributes.read("".join([piece async for piece in pieces]))
        return replace(scored, adapter=self.options.model)

    async def stream(
        self, prompt: Prompt, views: Pictures, form: str | None, temperature: float = 0.0, clock: Clock | None = None
    ) -> AsyncGenerator[str]:
        """Text of the regular expression `form`, or any if None, piece by piece as it is generated. To be closed like
        `explain`.

        `clock`: one that runs already; a new one of the options if None.

        Raises:
            ThinkingUnavailable: at any point.
        """
        body = partial(request_body, prompt, views, self.options, form, temperature)
        clock, call = clock or self._clock(), Call()
        try:
            async with self.slots.hold(clock.deadline), aclosing(self._guarded(body, clock, call)) as pieces:
                async for piece in pieces:
                    yield piece
            call.outcome = "ok"
        except ThinkingUnavailable as error:
            call.outcome = error.reason
            raise
        finally:
            call.seconds = clock.elapsed
            if self._observer:
                self._observer(call)

    async def _encoded(self, body: Callable[[], bytes], clock: Clock) -> bytes:
        encoding = asyncio.get_running_loop().run_in_executor(self._executor, body)
        try:
            return await clock.within(encoding)
        except ThinkingUnavailable:  # our own workers were too busy; that says nothing of the server
            raise ThinkingUnavailable("busy", "the views were not encoded before the deadline") from None

    async def _guarded(self, body: Callable[[], bytes], clock: Clock, call: Call) -> AsyncGenerator[str]:
        """Behind the circuit breaker, with which the call's end is settled. `body` is made in the executor."""
        if self._http is None:
            raise ThinkingUnavailable("not_configured")
        if self.barred:
            raise ThinkingUnavailable("unproven", self.barred)
        permit = self.breaker.admit()
        if permit is None:
            raise ThinkingUnavailable("circuit_open", f"after {self.options.breaker_failures} failures in a row")
        try:
            content = await self._encoded(body, clock)
            clock.asked()
            async with (
                aclosing(completion(self._http, content)) as chunks,
                aclosing(clock.timed(chunks)) as timed,
                aclosing(_text(timed, clock, call)) as pieces,
            ):
                async for piece in pieces:
                    yield piece
            permit.settle(True)
        except ThinkingUnavailable as error:
            hurried = error.reason == "timeout" and clock.hurried
            permit.settle(None if hurried else OUTCOMES.get(error.reason))
            raise
        finally:
            permit.settle(None)


async def _text(chunks: AsyncIterator[Chunk], clock: Clock, call: Call) -> AsyncGenerator[str]:
    """The text of the chunks; `call` and `clock` learn of the first words and of the token counts.

    Raises:
        ThinkingUnavailable: `incomplete`, `unreachable` or `upstream_error`, if it did not end of its own accord.
    """
    finish: str | None = None
    async for chunk in chunks:
        _count(call, chunk.usage)
        for choice in chunk.choices[:1]:
            finish = choice.finish_reason or finish
            if choice.delta.content:
                if call.first_token_s is None:
                    call.first_token_s = clock.elapsed
                    clock.first_token()
                yield choice.delta.content
    if finish is None:
        raise ThinkingUnavailable("unreachable", "the stream ended early")
    if finish == "length":
        raise ThinkingUnavailable("incomplete", "token limit reached")
    if finish != "stop":
        raise ThinkingUnavailable("upstream_error", f"finish_reason {finish}")


def _count(call: Call, usage: Usage | None) -> None:
    if usage:
        call.prompt_tokens, call.completion_tokens = usage.prompt_tokens, usage.completion_tokens
        details = usage.prompt_tokens_details
        call.cached_tokens = details.cached_tokens if details else None
