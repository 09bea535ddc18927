"""What the Thinking Model writes: held to the form that its prompt asks for, or taken as it comes."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import aclosing, asynccontextmanager
from typing import Any

import pytest
from thinking_support import FEATURES, RATIONALE, FakeVllm, complete, prompt, verdict, views

from idiff.thinking.client import ThinkingModel
from idiff.thinking.options import ThinkingUnavailable
from idiff.thinking.prompt import Prompt, ask
from idiff.thinking.stages import STAGES, Switches
from idiff.types import Rationale, Side


@asynccontextmanager
async def writing(text: str, **options: object) -> AsyncIterator[tuple[FakeVllm, ThinkingModel]]:
    """A server that writes so, and a client of it with these options."""
    async with FakeVllm(complete(text)) as server, ThinkingModel(server.options(**options)) as model:
        yield server, model


async def explained(model: ThinkingModel, asked: Prompt) -> Rationale:
    async with aclosing(model.explain(asked, views())) as events:
        *_, rationale = [event async for event in events]
    assert isinstance(rationale, Rationale)
    return rationale


BASELINE = ask(STAGES["baseline"], verdict(), FEATURES)


@pytest.mark.parametrize(
    ("text", "lines", "summary"),
    [
        ("The left one is nicer.", 0, ""),
        ("Well.\n" + RATIONALE, 4, "Image A (Left) is preferred for its natural detail."),
        ("\n".join(RATIONALE.splitlines()[:2]), 2, ""),
    ],
)
def test_a_free_text_is_held_to_nothing_and_read_as_far_as_it_can_be(text: str, lines: int, summary: str) -> None:
    async def scenario() -> tuple[Rationale, dict[str, Any]]:
        async with writing(text) as (server, model):
            return await explained(model, BASELINE), server.requests[0]

    rationale, request = asyncio.run(scenario())
    assert "structured_outputs" not in request
    assert request["messages"][1]["content"][0]["text"] == BASELINE.user
    assert (rationale.text, len(rationale.lines), rationale.summary) == (text, lines, summary)
    assert rationale.prompt_version == "idiff-2/plain/free"


def test_a_free_text_is_one_all_the_same() -> None:
    async def scenario() -> None:
        async with writing(" ") as (_, model):
            with pytest.raises(ThinkingUnavailable, match="malformed"):
                await explained(model, BASELINE)

    asyncio.run(scenario())


JUDGING = ask(STAGES["judge"], verdict(), FEATURES)
FREE = ask(Switches("none", judge=True, form="free"), verdict(), FEATURES)
JUDGED = "<thinking>\n{}\n</thinking>\n<answer>B</answer>"


@pytest.mark.parametrize(("asked", "inner"), [(JUDGING, RATIONALE), (FREE, "The right one is nicer.")])
def test_a_model_that_judges_says_why_and_then_which(asked: Prompt, inner: str) -> None:
    async def scenario() -> tuple[tuple[Rationale, Side], dict[str, Any]]:
        async with writing(JUDGED.format(inner)) as (server, model):
            return await model.judge(asked, views()), server.requests[0]

    (rationale, side), request = asyncio.run(scenario())
    assert (rationale.text, side) == (inner, "B")
    assert ("structured_outputs" in request) == (asked.form == "lines")
    if asked.form == "lines":
        assert request["structured_outputs"]["regex"].startswith("<thinking>")


@pytest.mark.parametrize("text", ["", "<answer>A</answer>", f"<thinking>{RATIONALE}</thinking>", JUDGED.format("No.")])
def test_a_judgement_without_a_reason_or_an_answer_is_none(text: str) -> None:
    async def scenario() -> None:
        async with writing(text) as (_, model):
            with pytest.raises(ThinkingUnavailable, match="malformed"):
                await model.judge(JUDGING, views())

    asyncio.run(scenario())


def test_lines_are_held_as_short_as_the_token_limit_asks() -> None:
    async def scenario(**options: object) -> str:
        async with writing(RATIONALE, **options) as (server, model):
            await explained(model, prompt())
            assert server.requests[0]["max_tokens"] == model.options.max_tokens
            form: str = server.requests[0]["structured_outputs"]["regex"]
            return form

    assert "{18,398}" in asyncio.run(scenario())
    assert "{18,198}" in asyncio.run(scenario(max_tokens=512))
