"""Every error's way out: one JSON body, one place, and the same in the OpenAPI document."""

import logging
import math
from collections import defaultdict
from collections.abc import Collection, Iterator
from http import HTTPStatus
from typing import Any

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse, Response
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect

from idiff.api.state import service_of
from idiff.errors import IdiffError, InvalidOption
from idiff.logs import request_id
from idiff.schemas import ErrorBody, ErrorDetail

log = logging.getLogger(__name__)


CLIENT_CLOSED = 499
"""What log and metrics say of a caller who left before the end of the answer, as nginx does."""

HEADERS = {
    HTTPStatus.UNAUTHORIZED: {"WWW-Authenticate": "Bearer"},
    HTTPStatus.TOO_MANY_REQUESTS: {"Retry-After": "1"},
    HTTPStatus.SERVICE_UNAVAILABLE: {"Retry-After": "1"},
    HTTPStatus.REQUEST_TIMEOUT: {"Connection": "close"},  # the rest of the body may still come
}


def unexpected(error: Exception) -> ErrorBody:
    """The body for an error that nothing foresaw, which is logged with its traceback."""
    if isinstance(error, IdiffError):
        return ErrorBody.of(error)
    log.error("unexpected error", exc_info=error)
    return ErrorBody.of(IdiffError("an unexpected error; it was logged"))


def install(app: FastAPI) -> None:
    """Register the handlers."""
    app.add_exception_handler(IdiffError, _known)
    app.add_exception_handler(HTTPException, _http)
    app.add_exception_handler(RequestValidationError, _invalid)
    app.add_exception_handler(ClientDisconnect, _gone)
    app.add_exception_handler(Exception, _unknown)


def responses(*statuses: int, without: Collection[type[IdiffError]] = ()) -> dict[int | str, dict[str, Any]]:
    """OpenAPI `responses` of the given statuses, with an example for every error code that has one of them, but
    `without` those that cannot come."""
    by_status: dict[int, list[type[IdiffError]]] = defaultdict(list)
    for error in _family(IdiffError):
        if error not in without:
            by_status[error.status].append(error)
    return {
        status: {
            "model": ErrorBody,
            "description": HTTPStatus(status).phrase,
            "content": {
                "application/json": {
                    "examples": {
                        error.code: {"value": ErrorBody.of(error(error.__doc__ or "")).model_dump()}
                        for error in by_status[status]
                    }
                }
            },
        }
        for status in statuses
    }


def _family(error: type[IdiffError]) -> Iterator[type[IdiffError]]:
    yield error
    for kind in error.__subclasses__():
        yield from _family(kind)


def _answer(request: Request, status: int, content: ErrorBody, headers: dict[str, str] | None = None) -> Response:
    service_of(request).metrics.errors.labels(content.error.code).inc()
    return JSONResponse(content.model_dump(), status_code=status, headers=headers)


async def _known(request: Request, error: Exception) -> Response:
    assert isinstance(error, IdiffError)
    level = logging.ERROR if error.status == HTTPStatus.INTERNAL_SERVER_ERROR else logging.INFO
    log.log(level, "%s: %s", error.code, error.message)
    request.scope["idiff.reason"] = error.reason
    headers = dict(HEADERS.get(HTTPStatus(error.status), {}))
    if error.retry_after_s is not None:
        headers["Retry-After"] = str(math.ceil(error.retry_after_s))
    if "Retry-After" in headers:
        headers["X-Queue-Depth"] = str(service_of(request).queue_depth)
    return _answer(request, error.status, ErrorBody.of(error), headers)


async def _http(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    code = HTTPStatus(error.status_code).phrase.lower().replace(" ", "_")
    detail = ErrorDetail(code=code, message=error.detail)
    return _answer(request, error.status_code, ErrorBody(error=detail), dict(error.headers or {}))


async def _invalid(request: Request, error: Exception) -> Response:
    assert isinstance(error, RequestValidationError)
    first = error.errors()[0]
    field = ".".join(str(part) for part in first["loc"][1:]) or None
    return await _known(request, InvalidOption(f"{field or 'the body'}: {first['msg']}", field=field))


async def _gone(_: Request, __: Exception) -> Response:
    return Response(status_code=CLIENT_CLOSED)  # nobody is there to read it


async def _unknown(request: Request, error: Exception) -> Response:
    # It has left the middleware behind, whose header it misses.
    headers = {"X-Request-Id": request_id() or ""}
    return _answer(request, HTTPStatus.INTERNAL_SERVER_ERROR, unexpected(error), headers)
