"""The service: `create_app(settings)`."""

import asyncio
import logging
from collections.abc import AsyncIterator, Coroutine
from contextlib import asynccontextmanager, suppress
from functools import partial
from typing import Final

from fastapi import FastAPI

from idiff import __version__
from idiff.api import compare, documentation, health, page, problems, rank
from idiff.api.state import Service
from idiff.config import Settings
from idiff.drain import Drain
from idiff.engine import Engine
from idiff.errors import ProviderRefused, ReleaseRefused
from idiff.keys import Keys
from idiff.memory import keep_small
from idiff.middleware import BodyLimit, Observe
from idiff.thinking.watch import watch
from idiff.tracing import SILENT, Tracing

log = logging.getLogger(__name__)

SPANS_S: Final = 5.0
"""Longest wait in the end for a collector that does not answer."""

DESCRIPTION = """Judges pairs of photographs of the same scene: which one a professional would prefer, how sure that is,
and why, in the words an expert would use."""


def create_app(settings: Settings | None = None) -> FastAPI:
    """The ASGI application. It loads its models after it has started listening; `/readyz` tells when it is done.

    Raises:
        KeysRefused: the configured file of API keys cannot be used.
        TracingUnavailable: spans are asked for, and what exports them is not installed.
    """
    settings = settings or Settings()
    service = Service(
        settings,
        Keys.read(settings.api_keys) if settings.api_keys else None,
        Tracing.exporting() if settings.traces else SILENT,
    )
    app = FastAPI(title="iDiff", version=__version__, description=DESCRIPTION, lifespan=_lifespan)
    app.state.service = service
    app.include_router(compare.router)
    app.include_router(rank.router)
    app.include_router(health.router)
    if settings.ui:
        app.include_router(page.router)
    problems.install(app)
    app.openapi = documentation.describing(app)  # type: ignore[method-assign]
    app.add_middleware(BodyLimit, limit=settings.max_body_bytes)
    app.add_middleware(Drain)
    app.add_middleware(Observe, service=service)
    return app


@asynccontextmanager
async def _lifespan(app: FastAPI) -> AsyncIterator[None]:
    service: Service = app.state.service
    working = asyncio.create_task(_work(service))
    try:
        yield
    finally:
        working.cancel()
        with suppress(asyncio.CancelledError):
            await working
        if service.engine:
            await service.engine.close()
        await asyncio.wait([asyncio.create_task(asyncio.to_thread(service.tracing.close))], timeout=SPANS_S)


async def _work(service: Service) -> None:
    """Load the models, then ask the IQA service what it knows, keep an eye on the Thinking Model's server and memory
    small."""
    await _load(service)
    engine, settings = service.engine, service.settings
    if engine is None:
        return
    async with asyncio.TaskGroup() as group:
        group.create_task(_apart(keep_small()))
        if engine.iqa:
            group.create_task(_apart(engine.iqa.introduce()))
        if settings.thinking_url and settings.thinking_check_s:
            for model, canary in zip(engine.thinking, settings.canaries, strict=False):
                observe = partial(service.metrics.observe_proof, model.options.model)
                group.create_task(_apart(watch(model, canary, settings.thinking_check_s, observe)))


async def _apart(work: Coroutine[None, None, None]) -> None:
    """One that fails unforeseen must not end the others."""
    try:
        await work
    except Exception:
        log.exception("work in the background has ended")


async def _load(service: Service) -> None:
    try:
        service.engine = await asyncio.to_thread(Engine.load, service.settings, service.metrics, service.tracing)
    except ReleaseRefused as error:
        service.failure = error.message
        service.metrics.provider_refused.set(isinstance(error, ProviderRefused))
        log.error("not ready: %s", error.message)
    except Exception:
        service.failure = "the models could not be loaded; the log says why"
        log.exception("not ready")
    else:
        log.info("ready")
