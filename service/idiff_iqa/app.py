"""The service: `create_app(settings)`. POST /score takes safetensors of views, answers every metric's scores."""

import asyncio
import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from http import HTTPStatus

from fastapi import APIRouter, FastAPI, Request
from fastapi.responses import JSONResponse, Response
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest
from starlette.requests import ClientDisconnect
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from idiff import __version__
from idiff.deadline import HEADER, Deadline
from idiff.errors import IdiffError, TooManyBytes
from idiff.iqa.wire import MOST_BYTES, Answer, Info
from idiff.schemas import ErrorBody
from idiff_iqa.config import Settings
from idiff_iqa.scorer import Scorer

log = logging.getLogger(__name__)
router = APIRouter()

LONGEST_S = 60.0
"""For a request, body included, whose caller names no deadline."""


def create_app(settings: Settings) -> FastAPI:
    """The ASGI application. It loads its metrics after it has started listening; /readyz tells when it is done."""
    app = FastAPI(title="iDiff IQA", version=__version__, lifespan=_lifespan)
    app.state.scorer = Scorer(settings)
    app.include_router(router)
    app.add_exception_handler(IdiffError, _refused)
    app.add_exception_handler(ClientDisconnect, _gone)
    app.add_middleware(Counted, scorer=app.state.scorer)
    return app


@asynccontextmanager
async def _lifespan(app: FastAPI) -> AsyncIterator[None]:
    scorer: Scorer = app.state.scorer
    asyncio.get_running_loop().run_in_executor(scorer.pool, scorer.load).add_done_callback(_loaded)
    yield
    scorer.pool.shutdown(wait=False, cancel_futures=True)


def _loaded(loading: asyncio.Future[None]) -> None:
    if not loading.cancelled() and (error := loading.exception()):
        log.error("the metrics could not be loaded", exc_info=error)


def _scorer(request: Request) -> Scorer:
    scorer: Scorer = request.app.state.scorer
    return scorer


@router.post("/score")
async def score(request: Request) -> Answer:
    """Every metric's scores of 1 to 16 views, uint8 (height, width, 3) RGB, by their names in the safetensors."""
    scorer, deadline = _scorer(request), Deadline.of(request.headers.get(HEADER), LONGEST_S)
    with scorer.admitted():
        async with deadline.kept():
            body = await _body(request)
        return await scorer.score(body, deadline)


async def _body(request: Request) -> bytes:
    body = bytearray()
    async for piece in request.stream():
        body += piece
        if len(body) > MOST_BYTES:
            raise TooManyBytes(f"the request body is over {MOST_BYTES} bytes", limit=MOST_BYTES)
    return bytes(body)


@router.get("/livez")
async def livez() -> dict[str, str]:
    """The event loop turns."""
    return {"status": "live"}


@router.get("/readyz")
async def readyz(request: Request) -> dict[str, str]:
    """There is a metric to serve."""
    _scorer(request).ready()
    return {"status": "ready"}


@router.get("/info")
async def info(request: Request) -> Info:
    """What is served under which licence, and what is not."""
    return _scorer(request).info()


@router.get("/metrics")
async def metrics(request: Request) -> Response:
    """All metrics in Prometheus' text format."""
    return Response(generate_latest(_scorer(request).registry), media_type=CONTENT_TYPE_LATEST)


async def _refused(_: Request, error: Exception) -> Response:
    assert isinstance(error, IdiffError)
    headers = {"Retry-After": "1"} if error.status == HTTPStatus.SERVICE_UNAVAILABLE else None
    return JSONResponse(ErrorBody.of(error).model_dump(), error.status, headers)


async def _gone(_: Request, __: Exception) -> Response:
    return Response(status_code=499)  # nobody is there to read it


class Counted:
    """Counts requests for scores by status."""

    def __init__(self, app: ASGIApp, scorer: Scorer) -> None:
        self._app, self._scorer = app, scorer

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or scope["path"] != "/score":
            await self._app(scope, receive, send)
            return
        status = 500

        async def noting(message: Message) -> None:
            nonlocal status
            status = message.get("status", status)
            await send(message)

        try:
            await self._app(scope, receive, noting)
        finally:
            self._scorer.requests.labels(str(status)).inc()
