"""The Thinking Model's cost: first token, whole rationale and throughput by view size and concurrency; Table 7."""

import asyncio
import time
from collections import Counter
from collections.abc import Sequence
from contextlib import aclosing, suppress
from dataclasses import dataclass, replace

import numpy as np

from idiff.features import measure_photo
from idiff.imaging.resize import resize
from idiff.thinking.call import Call
from idiff.thinking.client import ThinkingModel
from idiff.thinking.form import rationale_regex
from idiff.thinking.options import ThinkingOptions, ThinkingUnavailable
from idiff.thinking.prompt import Prompt, build
from idiff.types import Features, Image, PhotoViews, Size, Views
from idiff_models.bench.answer import sample_views
from idiff_models.bench.hardware import Hardware, hardware

GRAIN = 6.0
"""Standard deviation, grey levels, of the grain that makes every request's pictures its own: no encoded view and no
prefix beyond the constant text is reused."""


@dataclass(frozen=True)
class Row:
    """`side`: of each of the four views, pixels; `concurrency`: rationales asked for at once. Times in milliseconds, of
    the `done` of `asked` rationales, None where there is none; `cached`: share of their prompt tokens that came from
    the prefix cache."""

    side: int
    concurrency: int
    asked: int
    done: int
    failed: dict[str, int]
    first_token_p50: float | None
    first_token_p95: float | None
    whole_p50: float | None
    whole_p95: float | None
    rationales_per_s: float
    tokens: float
    prompt_tokens: float
    cached: float


@dataclass(frozen=True)
class Bench:
    """`server`: the caller's words for what the server runs on; `hardware`: the machine that asked."""

    model: str
    server: str
    hardware: Hardware
    max_tokens: int
    rows: list[Row]


def bench(
    options: ThinkingOptions, server: str, sides: Sequence[int], concurrencies: Sequence[int], requests: int
) -> Bench:
    """Ask for `requests` rationales of the sample pair, each with pictures of its own, at every size and concurrency.

    A rationale ends by itself or after `options.max_tokens`; both count as done. One unmeasured rationale goes first.
    """
    machine, pair, rng = hardware(), sample_views(), np.random.default_rng()
    rows = []
    for side in sides:
        _run(options, [_question(pair, side, rng, options)], side, 1)
        for concurrency in concurrencies:
            questions = [_question(pair, side, rng, options) for _ in range(requests)]
            rows.append(_run(options, questions, side, concurrency))
    return Bench(options.model, server, machine, options.max_tokens, rows)


Question = tuple[Prompt, Views]


def _question(pair: Views, side: int, rng: np.random.Generator, options: ThinkingOptions) -> Question:
    views = _grainy(pair, side, rng)
    features = Features(measure_photo(views.a), measure_photo(views.b))
    return build("person", features, None, lines=(options.lines_min, options.lines_max)), views


def _grainy(pair: Views, side: int, rng: np.random.Generator) -> Views:
    """The pair with square views of `side` pixels under grain."""

    def view(image: Image) -> Image:
        grain = rng.normal(0, GRAIN, (side, side, 1))
        return np.clip(resize(image, Size(side, side)) + grain, 0, 255).astype(np.uint8)

    def photo(one: PhotoViews) -> PhotoViews:
        return replace(one, global_view=view(one.global_view), crop_view=view(one.crop_view))

    return replace(pair, a=photo(pair.a), b=photo(pair.b))


def _run(options: ThinkingOptions, questions: Sequence[Question], side: int, concurrency: int) -> Row:
    chosen = replace(options, view_pixels=side * side, max_concurrency=concurrency, max_waiting=len(questions))
    return asyncio.run(_measured(chosen, questions, side))


async def _measured(options: ThinkingOptions, questions: Sequence[Question], side: int) -> Row:
    calls: list[Call] = []
    queue = list(questions)
    async with ThinkingModel(options, observer=calls.append) as model:

        async def worker() -> None:
            while queue:
                await _ask(model, *queue.pop())

        start = time.perf_counter()
        await asyncio.gather(*(worker() for _ in range(options.max_concurrency)))
        seconds = time.perf_counter() - start
    done = [call for call in calls if call.outcome in ("ok", "incomplete")]
    failed = Counter(str(call.outcome) for call in calls if call not in done)
    first = [call.first_token_s for call in done if call.first_token_s is not None]
    prompt = sum(call.prompt_tokens or 0 for call in done)
    return Row(
        side,
        options.max_concurrency,
        len(questions),
        len(done),
        dict(failed),
        *_milliseconds(first),
        *_milliseconds([call.seconds for call in done]),
        rationales_per_s=len(done) / seconds,
        tokens=_mean([call.completion_tokens or 0 for call in done]),
        prompt_tokens=_mean([call.prompt_tokens or 0 for call in done]),
        cached=sum(call.cached_tokens or 0 for call in done) / prompt if prompt else 0.0,
    )


async def _ask(model: ThinkingModel, prompt: Prompt, views: Views) -> None:
    # With lines of any length: a limit of few tokens would shorten them and end the text before it.
    form = rationale_regex(model.options.lines_min, model.options.lines_max, model.options.line_chars)
    with suppress(ThinkingUnavailable):  # the observer has it
        async with aclosing(model.stream(prompt, views, form)) as pieces:
            async for _ in pieces:
                pass


def _milliseconds(seconds: list[float]) -> tuple[float | None, float | None]:
    if not seconds:
        return None, None
    p50, p95 = 1000 * np.percentile(seconds, [50, 95])
    return float(p50), float(p95)


def _mean(values: list[int]) -> float:
    return float(np.mean(values)) if values else 0.0
