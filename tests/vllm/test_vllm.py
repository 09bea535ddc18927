"""The Thinking Model's client and the launch script against a real vLLM server."""

import asyncio
import json
import re
import time
from collections.abc import AsyncGenerator, Coroutine, Iterator
from contextlib import aclosing, suppress
from dataclasses import replace
from pathlib import Path
from typing import Any, TypeVar

import httpx
import numpy as np
import PIL.Image
import pytest
from monitoring_support import exposed, expressions, names
from thinking_support import verdict
from typer.testing import CliRunner
from vllm_server import BLOCK, PROVEN, ROOT, SAMPLES, Fleet, Vllm, environment

from idiff.features import measure_photo
from idiff.thinking.call import Call
from idiff.thinking.canary import Canary
from idiff.thinking.client import Delta, ThinkingModel
from idiff.thinking.form import REGION, judged_regex, rationale_regex
from idiff.thinking.options import ThinkingOptions, ThinkingUnavailable
from idiff.thinking.prompt import Prompt, ask
from idiff.thinking.stages import STAGES, Stage
from idiff.thinking.vocabulary import METRICS
from idiff.types import Alignment, Features, Learned, LearnedScore, PhotoViews, Rationale, Size, Views, ViewScores
from idiff_models.bench.cli import app as bench

pytestmark = [pytest.mark.vllm, pytest.mark.slow, pytest.mark.timeout(600)]

SHORT = {"lines_min": 2, "lines_max": 3, "line_chars": 60, "max_tokens": 1024}
"""Few and short lines: the nonsense of a random model goes on for as long as the form allows."""

T = TypeVar("T")


def run(work: Coroutine[object, object, T]) -> T:
    return asyncio.run(work)


def photo(file: Path) -> PhotoViews:
    with PIL.Image.open(file) as picture:
        pixels = np.asarray(picture.convert("RGB"))
    height, width = pixels.shape[:2]
    top, left = height // 2 - 128, width // 2 - 128
    return PhotoViews(Size(width, height), pixels, pixels[top : top + 256, left : left + 256], None)


@pytest.fixture(scope="module")
def fleet(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Fleet]:
    with Fleet(environment(), tmp_path_factory.mktemp("vllm")) as fleet:
        yield fleet


@pytest.fixture
def server(fleet: Fleet) -> Vllm:
    """A server that is up."""
    return fleet.server()


@pytest.fixture(scope="module")
def pair() -> Views:
    """The four views of the sample pair."""
    a, b = photo(SAMPLES / "astronaut_a.jpg"), photo(SAMPLES / "astronaut_b.jpg")
    return Views(a, b, "centre", Alignment("identity", np.eye(2, 3), 0, True), ())


def question(pair: Views, stage: Stage = "answer", score: float | None = None) -> Prompt:
    """What is asked about a pair, of which a learned metric gives the left photo `score` more."""
    features = Features(measure_photo(pair.a), measure_photo(pair.b))
    views = ViewScores(score, score), ViewScores(0.0, 0.0)
    learned = Learned((LearnedScore("liqe", "more", "", "", *views),), None)
    lines = SHORT["lines_min"], SHORT["lines_max"]
    return ask(STAGES[stage], verdict("A"), features, learned, lines=lines)


def options(server: Vllm, **changes: object) -> ThinkingOptions:
    """Generous deadlines: the first request after a start may take most of a minute."""
    return replace(ThinkingOptions(server.url, deadline_s=120, first_token_s=120), **SHORT | changes)  # type: ignore[arg-type]


async def explained(model: ThinkingModel, pair: Views, asked: Prompt | None = None) -> list[Delta | Rationale]:
    async with aclosing(model.explain(asked or question(pair), pair)) as events:
        return [event async for event in events]


async def reason_of(model: ThinkingModel, pair: Views) -> str | None:
    try:
        await explained(model, pair)
    except ThinkingUnavailable as error:
        return error.reason
    return None


async def answer(server: Vllm, pair: Views, asked: Prompt | None = None, **changes: object) -> tuple[Rationale, Call]:
    calls: list[Call] = []
    async with ThinkingModel(options(server, **changes), observer=calls.append) as model:
        *_, rationale = await explained(model, pair, asked)
    assert isinstance(rationale, Rationale)
    return rationale, calls[0]


def test_four_views_become_a_streamed_rationale_of_the_enforced_form(server: Vllm, pair: Views) -> None:
    calls: list[Call] = []

    async def scenario() -> list[Delta | Rationale]:
        async with ThinkingModel(options(server), observer=calls.append) as model:
            return await explained(model, pair)

    *deltas, rationale = run(scenario())
    assert isinstance(rationale, Rationale)
    assert rationale.source == "model"
    assert "".join(delta.text for delta in deltas if isinstance(delta, Delta)) == rationale.text
    assert re.fullmatch(rationale_regex(2, 3, 60), rationale.text)
    assert 2 <= len(rationale.lines) <= 3
    assert rationale.summary
    assert len(deltas) > 20
    (call,) = calls
    assert call.outcome == "ok"
    assert call.first_token_s is not None
    assert call.first_token_s < call.seconds


def test_what_rules_and_dashboard_ask_of_it_is_served(server: Vllm, pair: Views) -> None:
    run(answer(server, pair))
    asked = {name for expression in expressions() for name in names(expression) if name.startswith("vllm:")}
    assert len(asked) > 8
    assert asked <= exposed(httpx.get(f"{server.url}/metrics", trust_env=False).text)


def test_a_view_costs_its_pixels(server: Vllm, pair: Views) -> None:
    async def tokens(view_pixels: int) -> int | None:
        _, call = await answer(server, pair, view_pixels=view_pixels)
        return call.prompt_tokens

    large, small = run(tokens(448 * 448)), run(tokens(128 * 128))
    assert large is not None
    assert small is not None
    # 32 x 32 pixels a token; the test server caps a view at 65536 pixels.
    assert large - small == 4 * (64 - 16)


def test_the_adapter_and_the_images_matter(server: Vllm, pair: Views) -> None:
    async def scenario() -> list[str]:
        grey = replace(pair, a=replace(pair.a, global_view=np.full_like(pair.a.global_view, 128)))
        answers = [await answer(server, pair), await answer(server, pair, model="base"), await answer(server, grey)]
        return [rationale.text for rationale, _ in answers]

    adapted, base, other_image = run(scenario())
    assert adapted != base, "the LoRA adapter changes nothing: it is not active"
    assert adapted != other_image, "another picture changes nothing: images are not read"


@pytest.mark.parametrize(("stage", "scores"), [("answer", (None, None)), ("iqa", (0.5, -0.5))])
def test_every_full_block_of_the_constant_prefix_is_reused_for_the_next_pair(
    server: Vllm, pair: Views, stage: Stage, scores: tuple[float | None, float | None]
) -> None:
    other = replace(pair, a=pair.b, b=pair.a)
    first, second = question(pair, stage, scores[0]), question(other, stage, scores[1])

    def tokens(prompt: Prompt) -> list[int]:
        messages = [{"role": "system", "content": prompt.system}, {"role": "user", "content": prompt.user}]
        asked = {"model": "rationale", "messages": messages}
        told = httpx.post(f"{server.url}/tokenize", json=asked, trust_env=False)
        found: list[int] = told.raise_for_status().json()["tokens"]
        return found

    async def scenario() -> Call:
        await answer(server, pair, first)
        _, call = await answer(server, other, second)
        return call

    call = run(scenario())
    one, two = tokens(first), tokens(second)
    shared = next(place for place, (a, b) in enumerate(zip(one, two, strict=False)) if a != b)
    assert shared > 10 * BLOCK
    assert call.cached_tokens == shared // BLOCK * BLOCK


def test_the_check_tells_an_inactive_and_an_absent_adapter(fleet: Fleet, server: Vllm) -> None:
    async def proof(model: str) -> dict[str, bool | None]:
        async with ThinkingModel(options(server, model=model)) as client:
            return {found.check: found.passed for found in (await client.prove(Canary.read(fleet.canary))).findings}

    assert run(proof("rationale")) == PROVEN
    assert run(proof("base")) == PROVEN | {"canary": False}
    assert run(proof("absent")) == {"adapter": False}


class Listening(ThinkingModel):
    """Keeps all that was said."""

    said = ""

    async def stream(self, *asked: Any, **how: Any) -> AsyncGenerator[str]:  # noqa: ANN401 - as it is asked
        async with aclosing(super().stream(*asked, **how)) as pieces:
            async for piece in pieces:
                self.said += piece
                yield piece


def test_a_model_that_judges_by_itself_is_held_to_the_form_of_it(server: Vllm, pair: Views) -> None:
    asked = question(pair, "judge")

    async def scenario() -> tuple[Rationale, str, str]:
        async with Listening(options(server)) as model:
            rationale, side = await model.judge(asked, pair)
            return rationale, side, model.said

    rationale, side, said = run(scenario())
    assert re.fullmatch(judged_regex(2, 3, 60), said)
    assert said == f"<thinking>\n{rationale.text}\n</thinking>\n<answer>{side}</answer>"
    assert 2 <= len(rationale.lines) <= 3
    assert "Ground truth" not in asked.user


def test_a_free_text_is_held_to_no_form(server: Vllm, pair: Views) -> None:
    async def scenario() -> str:
        async with Listening(options(server, max_tokens=64)) as model:
            with suppress(ThinkingUnavailable):  # random words seldom end
                await explained(model, pair, question(pair, "baseline"))
            return model.said

    assert re.match(f"(?!{REGION} ({'|'.join(METRICS)}): ).", run(scenario()), re.DOTALL)


def test_an_unknown_adapter_is_an_upstream_error(server: Vllm, pair: Views) -> None:
    async def scenario() -> str | None:
        async with ThinkingModel(options(server, model="absent")) as model:
            return await reason_of(model, pair)

    assert run(scenario()) == "upstream_error"


def test_a_cut_off_rationale_is_incomplete(server: Vllm, pair: Views) -> None:
    async def scenario() -> str | None:
        async with ThinkingModel(options(server, max_tokens=16)) as model:
            return await reason_of(model, pair)

    assert run(scenario()) == "incomplete"


def test_the_own_cap_and_the_servers_queue_are_busy(server: Vllm, pair: Views) -> None:
    async def burst(**changes: object) -> list[str | None]:
        async with ThinkingModel(options(server, **changes)) as model:
            await explained(model, pair)
            return list(await asyncio.gather(*(reason_of(model, pair) for _ in range(8))))

    own = run(burst(max_concurrency=1, max_waiting=1))
    assert sorted(own, key=str) == [None] * 2 + ["busy"] * 6
    # Two run and two may queue; the server refuses the rest, with a 503 or with an error after its 200.
    refused = server.metric("vllm:admission_rejections_total")
    servers = run(burst(max_concurrency=8))
    assert set(servers) == {None, "busy"}
    assert servers.count("busy") == server.metric("vllm:admission_rejections_total") - refused


def test_a_caller_who_leaves_stops_the_generation(server: Vllm, pair: Views) -> None:
    def running() -> float:
        return server.metric("vllm:num_requests_running")

    def generated() -> float:
        return server.metric("vllm:generation_tokens_total")

    before = generated()

    async def scenario() -> float:
        async with ThinkingModel(options(server, line_chars=3000, lines_min=3, max_tokens=1500)) as model:
            async with aclosing(model.explain(question(pair), pair)) as events:
                for _ in range(5):
                    await anext(events)
                assert await asyncio.to_thread(running) == 1
            left = time.monotonic()
            while await asyncio.to_thread(running):
                await asyncio.sleep(0.05)
            return time.monotonic() - left

    assert run(scenario()) < 2
    assert 0 < generated() - before < 750, "it went on to the end"


def test_the_bench_measures_a_real_server(server: Vllm) -> None:
    line = ["thinking", server.url, "--server", "the tiny checkpoint", "--side", "128", "--side", "256", "--json"]
    done = CliRunner().invoke(bench, [*line, "--concurrency", "2", "--requests", "3", "--tokens", "32"])
    assert done.exit_code == 0, done.output
    rows = json.loads(done.stdout)["rows"]
    assert [(row["side"], row["done"], row["failed"]) for row in rows] == [(128, 3, {}), (256, 3, {})]
    # 32 x 32 pixels a token.
    assert rows[1]["prompt_tokens"] - rows[0]["prompt_tokens"] == pytest.approx(4 * (64 - 16), abs=8)
    assert all(row["cached"] > 0.3 for row in rows)


def test_the_server_tells_what_its_pods_are_scaled_by(server: Vllm) -> None:
    scaling = (ROOT / "deploy" / "kubernetes" / "h20-pool" / "vllm-scaling.yaml").read_text()
    names = set(re.findall(r"vllm:\w+", scaling))
    assert len(names) == 2
    assert all(server.metric(name) >= 0 for name in names)


def test_a_killed_server_is_unreachable_before_the_deadline(server: Vllm, pair: Views) -> None:
    async def scenario() -> tuple[str | None, float, str | None]:
        async with ThinkingModel(options(server, line_chars=3000, lines_min=3, max_tokens=1500)) as model:
            midway = asyncio.create_task(reason_of(model, pair))
            while server.metric("vllm:num_requests_running") == 0:
                await asyncio.sleep(0.05)
            server.kill()
            start = time.monotonic()
            first = await midway
            return first, time.monotonic() - start, await reason_of(model, pair)

    midway, seconds, after = run(scenario())
    assert midway == "unreachable"
    assert after == "unreachable"
    assert seconds < 5
