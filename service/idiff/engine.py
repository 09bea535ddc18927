"""Everything a comparison needs, loaded once: workers, models and their settings."""

import asyncio
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from contextvars import copy_context
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Final, Literal, ParamSpec, Self, TypeVar

import cv2

from idiff.admission import Admission
from idiff.answer import release
from idiff.answer.batcher import Batching
from idiff.answer.ensemble import Ensemble
from idiff.answer.faces import FaceDetector
from idiff.answer.session import PROVIDERS
from idiff.cache import Cache
from idiff.config import Settings
from idiff.imaging.decode import inspect_all
from idiff.iqa.client import IqaClient
from idiff.memory import give_back
from idiff.metrics import Metrics
from idiff.serving import Serving
from idiff.shadow import Shadow
from idiff.thinking.adapters import Adapters
from idiff.thinking.client import ThinkingModel
from idiff.thinking.options import ThinkingOptions
from idiff.tracing import SILENT, Tracing
from idiff.workers import Workers

P = ParamSpec("P")
T = TypeVar("T")

GPU_CALLS: Final = 16
"""Threads that wait for a GPU: they use no core."""


@dataclass(frozen=True, slots=True)
class Engine:
    """The loaded models and the workers that run them.

    `admission` bounds how many requests are held at once, `pairs` how many of them have full-size pixels in memory: the
    memory limits of the service. `models` runs the Answer Model: the same workers on a CPU, others beside a GPU.
    `headers` reads photos' headers, milliseconds each, before anybody waits for `pool`.
    """

    settings: Settings
    metrics: Metrics
    tracing: Tracing
    pool: Workers
    models: Workers
    headers: Workers
    admission: Admission
    pairs: asyncio.Semaphore
    detector: FaceDetector
    serving: Serving
    shadow: Shadow | None
    cache: Cache
    thinking: Adapters
    iqa: IqaClient | None

    @classmethod
    def load(cls, settings: Settings, metrics: Metrics, tracing: Tracing = SILENT) -> Self:
        """Load and warm everything.

        Raises:
            ReleaseRefused: the Answer Model release cannot be used as configured.
        """
        cv2.setNumThreads(1)  # parallelism is one image a worker; OpenCV's own threads would fight them
        pool = Workers(settings.threads, "idiff")
        try:
            loaded = cls._load(settings, metrics, tracing, pool)
        except BaseException:
            pool.shutdown(wait=False)
            raise
        give_back()
        return loaded

    @classmethod
    def _load(cls, settings: Settings, metrics: Metrics, tracing: Tracing, pool: Workers) -> Self:
        load = partial(_ensemble, settings, metrics.batch_photos.observe)
        folder, shadow = settings.release_folder, settings.shadow_release
        ensemble = load(folder)
        metrics.provider.info(
            {"required": PROVIDERS[settings.provider], "running": ",".join(ensemble.origin.providers)}
        )
        return cls(
            settings=settings,
            metrics=metrics,
            tracing=tracing,
            pool=pool,
            models=pool if settings.batch_size == 1 else Workers(GPU_CALLS, "model"),
            headers=Workers(1, "headers", patient=False),
            admission=_admission(settings, metrics),
            pairs=asyncio.Semaphore(settings.in_memory),
            detector=FaceDetector(),
            serving=Serving(ensemble, folder, load, metrics),
            shadow=Shadow(_ensemble(settings, None, shadow), settings.shadow_share, metrics) if shadow else None,
            cache=Cache(settings.cache_bytes, metrics),
            thinking=_adapters(settings, metrics, pool),
            iqa=_iqa(settings, metrics, pool),
        )

    async def inspect(self, pictures: Iterable[tuple[bytes, str]]) -> None:
        """Judge photos, each with its field, by their headers; raises as `idiff.imaging.decode.inspect_all` does."""
        await _on(self.headers, inspect_all, pictures, self.settings.max_pixels)

    async def run(self, function: Callable[P, T], /, *args: P.args, **kwargs: P.kwargs) -> T:
        """Run a CPU-bound function on a worker."""
        return await _on(self.pool, function, *args, **kwargs)

    @property
    def fault(self) -> str | None:
        """Why it can give no more verdicts, None where it can. Another release helps where its graphs fail, only
        another process where a call hangs."""
        return self.serving.ensemble.fault or self.pool.fault or self.models.fault or self.headers.fault

    async def close(self) -> None:
        """Close connections and let the workers end."""
        await self.thinking.aclose()
        if self.iqa:
            await self.iqa.aclose()
        if self.shadow:
            await self.shadow.aclose()
        for pool in (self.pool, self.models, self.headers):
            pool.shutdown(wait=False, cancel_futures=True)


async def _on(pool: Workers, function: Callable[P, T], /, *args: P.args, **kwargs: P.kwargs) -> T:
    work = partial(copy_context().run, function, *args, **kwargs)  # the worker's log lines name the request too
    return await asyncio.get_running_loop().run_in_executor(pool, work)


def _ensemble(settings: Settings, observe: Callable[[int], None] | None, folder: Path) -> Ensemble:
    """Loaded by threads that it leaves alone when pairs are judged meanwhile. `observe` is told of its batches."""
    batching = Batching(settings.batch_size, settings.threads if settings.batch_size == 1 else 2, observe)
    with ThreadPoolExecutor(settings.threads) as loaders:
        return Ensemble.load(release.load(folder), settings.provider, loaders, batching)


def _admission(settings: Settings, metrics: Metrics) -> Admission:
    admission = Admission(settings.max_uploads, settings.in_flight)
    metrics.uploads.set_function(lambda: admission.uploads)
    metrics.queue_depth.set_function(lambda: admission.in_flight)
    return admission


def _adapters(settings: Settings, metrics: Metrics, pool: Workers) -> Adapters:
    def model(role: Literal["main", "trial"], options: ThinkingOptions) -> ThinkingModel:
        if options.url:
            metrics.observe_adapter(role, options)
        return ThinkingModel(options, executor=pool, observer=partial(metrics.observe_thinking, options.model))

    options = thinking_options(settings)
    if settings.thinking_trial is None:
        return Adapters(model("main", options))
    trial = replace(options, model=settings.thinking_trial)
    return Adapters(model("main", options), model("trial", trial), settings.thinking_trial_share)


def _iqa(settings: Settings, metrics: Metrics, pool: Workers) -> IqaClient | None:
    if settings.iqa_url is None:
        return None
    return IqaClient(
        settings.iqa_url, settings.iqa_deadline_s, pool, lambda outcome: metrics.iqa_calls.labels(outcome).inc()
    )


def thinking_options(settings: Settings) -> ThinkingOptions:
    """How the Thinking Model is asked."""
    key = settings.thinking_api_key
    return ThinkingOptions(
        url=settings.thinking_url,
        model=settings.thinking_model,
        family=settings.thinking_family,
        stage=settings.thinking_stage,
        wording=settings.thinking_wording,
        api_key=key.get_secret_value() if key else None,
        deadline_s=settings.thinking_deadline_s,
        max_concurrency=settings.thinking_concurrency,
        view_pixels=settings.thinking_view_pixels,
        max_tokens=settings.thinking_max_tokens,
        lines_min=settings.lines_min,
        lines_max=settings.lines_max,
    )
