"""The service: `create_app(settings)`."""

import asyncio
import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from functools import partial

from fastapi import FastAPI

from idiff import __version__
from idiff.api import compare, documentation, health, problems
from idiff.api.state import Service
from idiff.config import Settings
from idiff.drain import Drain
from idiff.engine import Engine
from idiff.errors import ReleaseRefused
from idiff.keys import Keys
from idiff.middleware import BodyLimit, Observe
from idiff.thinking.watch import watch

log = logging.getLogger(__name__)

DESCRIPTION = """Judges pairs of photographs of the same scene: which one a professional would prefer, how sure that is,
and why, in the words an expert would use."""


def create_app(settings: Settings | None = None) -> FastAPI:
    """The ASGI application. It loads its models after it has started listening; `/readyz` tells when it is done.

    Raises:
        KeysRefused: the configured file of API keys cannot be used.
    """
    settings = settings or Settings()
    service = Service(settings, Keys.read(settings.api_keys) if settings.api_keys else None)
    app = FastAPI(title="iDiff", version=__version__, description=DESCRIPTION, lifespan=_lifespan)
    app.state.service = service
    app.include_router(compare.router)
    app.include_router(health.router)
    problems.install(app)
    app.openapi = documentation.describing(app)  # type: ignore[method-assign]
    app.add_middleware(BodyLimit, limit=settings.max_body_bytes)
    app.add_middleware(Drain)
    app.add_middleware(Observe, metrics=service.metrics)
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


async def _work(service: Service) -> None:
    """Load the models, then keep an eye on the Thinking Model's server."""
    await _load(service)
    engine, settings = service.engine, service.settings
    if engine and settings.thinking_url and settings.thinking_check_s:
        async with asyncio.TaskGroup() as group:
            for model, canary in zip(engine.thinking, settings.canaries, strict=False):
                observe = partial(service.metrics.observe_proof, model.options.model)
                group.create_task(watch(model, canary, settings.thinking_check_s, observe))


async def _load(service: Service) -> None:
    try:
        service.engine = await asyncio.to_thread(Engine.load, service.settings, service.metrics)
    except ReleaseRefused as error:
        service.failure = error.message
        log.error("not ready: %s", error.message)
    except Exception:
        service.failure = "the models could not be loaded; the log says why"
        log.exception("not ready")
    else:
        service.metrics.ready.set(1)
        log.info("ready")
