"""Everything a comparison needs, loaded once: workers, models and their settings."""

import asyncio
import logging
from collections.abc import AsyncIterator, Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from contextvars import copy_context
from dataclasses import dataclass, replace
from functools import partial
from typing import ParamSpec, Self, TypeVar

import cv2

from idiff.answer import release
from idiff.answer.ensemble import Ensemble
from idiff.answer.faces import FaceDetector
from idiff.config import Settings
from idiff.errors import Overloaded
from idiff.iqa.client import IqaClient
from idiff.metrics import Metrics
from idiff.thinking.adapters import Adapters
from idiff.thinking.client import ThinkingModel
from idiff.thinking.options import ThinkingOptions

P = ParamSpec("P")
T = TypeVar("T")

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Engine:
    """The loaded models and the workers that run them.

    `requests` bounds how many requests are held at once, `pairs` how many of them have full-size pixels in memory: the
    memory limits of the service.
    """

    settings: Settings
    metrics: Metrics
    pool: ThreadPoolExecutor
    requests: asyncio.Semaphore
    pairs: asyncio.Semaphore
    detector: FaceDetector
    ensemble: Ensemble
    thinking: Adapters
    iqa: IqaClient | None

    @classmethod
    def load(cls, settings: Settings, metrics: Metrics) -> Self:
        """Load and warm everything.

        Raises:
            ReleaseRefused: the Answer Model release cannot be used as configured.
        """
        cv2.setNumThreads(1)  # parallelism is one image a worker; OpenCV's own threads would fight them
        pool = ThreadPoolExecutor(settings.threads, thread_name_prefix="idiff")
        try:
            return cls._load(settings, metrics, pool)
        except BaseException:
            pool.shutdown(wait=False)
            raise

    @classmethod
    def _load(cls, settings: Settings, metrics: Metrics, pool: ThreadPoolExecutor) -> Self:
        ensemble = Ensemble.load(release.load(settings.release_folder), settings.provider, pool)
        version, providers = ensemble.manifest.version, ",".join(ensemble.providers)
        metrics.release.info({"version": version, "providers": providers})
        log.info("release %s loaded on %s", version, providers)
        return cls(
            settings=settings,
            metrics=metrics,
            pool=pool,
            requests=asyncio.Semaphore(settings.max_in_flight),
            pairs=asyncio.Semaphore(settings.pairs_in_memory),
            detector=FaceDetector(),
            ensemble=ensemble,
            thinking=_adapters(settings, metrics, pool),
            iqa=_iqa(settings, metrics, pool),
        )

    @asynccontextmanager
    async def admitted(self) -> AsyncIterator[None]:
        """Hold one of the places for requests.

        Raises:
            Overloaded: none is free; nobody waits for one.
        """
        if self.requests.locked():
            limit = self.settings.max_in_flight
            raise Overloaded(f"{limit} comparisons are in progress; try again shortly", limit=limit)
        async with self.requests:
            yield

    async def run(self, function: Callable[P, T], /, *args: P.args, **kwargs: P.kwargs) -> T:
        """Run a CPU-bound function on a worker."""
        work = partial(copy_context().run, function, *args, **kwargs)  # the worker's log lines name the request too
        return await asyncio.get_running_loop().run_in_executor(self.pool, work)

    async def close(self) -> None:
        """Close connections and let the workers end."""
        await self.thinking.aclose()
        if self.iqa:
            await self.iqa.aclose()
        self.pool.shutdown(wait=False, cancel_futures=True)


def _adapters(settings: Settings, metrics: Metrics, pool: ThreadPoolExecutor) -> Adapters:
    def model(options: ThinkingOptions) -> ThinkingModel:
        return ThinkingModel(options, executor=pool, observer=partial(metrics.observe_thinking, options.model))

    options = _thinking(settings)
    if settings.thinking_trial is None:
        return Adapters(model(options))
    trial = replace(options, model=settings.thinking_trial)
    return Adapters(model(options), model(trial), settings.thinking_trial_share)


def _iqa(settings: Settings, metrics: Metrics, pool: ThreadPoolExecutor) -> IqaClient | None:
    if settings.iqa_url is None:
        return None
    return IqaClient(
        settings.iqa_url, settings.iqa_deadline_s, pool, lambda outcome: metrics.iqa_calls.labels(outcome).inc()
    )


def _thinking(settings: Settings) -> ThinkingOptions:
    key = settings.thinking_api_key
    return ThinkingOptions(
        url=settings.thinking_url,
        model=settings.thinking_model,
        family=settings.thinking_family,
        api_key=key.get_secret_value() if key else None,
        deadline_s=settings.thinking_deadline_s,
        max_concurrency=settings.thinking_concurrency,
        view_pixels=settings.thinking_view_pixels,
        max_tokens=settings.thinking_max_tokens,
        lines_min=settings.lines_min,
        lines_max=settings.lines_max,
    )
