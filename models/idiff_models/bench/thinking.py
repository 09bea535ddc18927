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
from idiff.thinking.prompt import build
from idiff.types import Features, Image, PhotoViews, Size, Views
from idiff_models.bench.answer import sample_views
from idiff_models.bench.hardware import Hardware, hardware

STEP = 7
"""Pixels by which one request's pictures are shifted against the last one's, so that no encoded view is reused."""


@dataclass(frozen=True)
class Row:
    """`side`: of each of the four views, pixels; `concurrency`: rationales asked for at once. Times in milliseconds, of
    the `done` of `asked` rationales; `cached`: share of their prompt tokens that came from the prefix cache."""

    side: int
    concurrency: int
    asked: int
    done: int
    failed: dict[str, int]
    first_token_p50: float
    first_token_p95: float
    whole_p50: float
    whole_p95: float
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
    machine, pair = hardware(), sample_views()
    rows = []
    for side in sides:
        _run(options, pair, side, 1, 1)
        rows += [_run(options, pair, side, concurrency, requests) for concurrency in concurrencies]
    return Bench(options.model, server, machine, options.max_tokens, rows)


def _run(options: ThinkingOptions, pair: Views, side: int, concurrency: int, requests: int) -> Row:
    chosen = replace(options, view_pixels=side * side, max_concurrency=concurrency, max_waiting=requests)
    return asyncio.run(_measured(chosen, pair, side, requests))


async def _measured(options: ThinkingOptions, pair: Views, side: int, requests: int) -> Row:
    calls: list[Call] = []
    queue = [shifted(pair, side, STEP * (place + 1)) for place in range(requests)]
    async with ThinkingModel(options, observer=calls.append) as model:

        async def worker() -> None:
            while queue:
                await _ask(model, queue.pop())

        start = time.perf_counter()
        await asyncio.gather(*(worker() for _ in range(options.max_concurrency)))
        seconds = time.perf_counter() - start
    done = [call for call in calls if call.outcome in ("ok", "incomplete")]
    failed = Counter(call.outcome for call in calls if call not in done)
    first, whole = [call.first_token_s or np.nan for call in done], [call.seconds for call in done]
    prompt = sum(call.prompt_tokens or 0 for call in done)
    return Row(
        side,
        options.max_concurrency,
        requests,
        len(done),
        dict(failed),
        *_milliseconds(first),
        *_milliseconds(whole),
        rationales_per_s=len(done) / seconds,
        tokens=_mean([call.completion_tokens or 0 for call in done]),
        prompt_tokens=_mean([call.prompt_tokens or 0 for call in done]),
        cached=sum(call.cached_tokens or 0 for call in done) / prompt if prompt else 0.0,
    )


async def _ask(model: ThinkingModel, views: Views) -> None:
    options = model.options
    features = Features(measure_photo(views.a), measure_photo(views.b))
    prompt = build("person", features, None, lines=(options.lines_min, options.lines_max))
    form = rationale_regex(options.lines_min, options.lines_max, options.line_chars)
    with suppress(ThinkingUnavailable):  # the observer has it
        async with aclosing(model.stream(prompt, views, form)) as pieces:
            async for _ in pieces:
                pass


def shifted(pair: Views, side: int, pixels: int) -> Views:
    """The pair with square views of `side` pixels, moved sideways by `pixels` and around the edge."""

    def view(image: Image) -> Image:
        return np.ascontiguousarray(np.roll(resize(image, Size(side, side)), pixels, axis=1))

    def photo(one: PhotoViews) -> PhotoViews:
        return replace(one, global_view=view(one.global_view), crop_view=view(one.crop_view))

    return replace(pair, a=photo(pair.a), b=photo(pair.b))


def _milliseconds(seconds: list[float]) -> tuple[float, float]:
    if not seconds:
        return float("nan"), float("nan")
    p50, p95 = 1000 * np.percentile(seconds, [50, 95])
    return float(p50), float(p95)


def _mean(values: list[int]) -> float:
    return float(np.mean(values)) if values else 0.0
