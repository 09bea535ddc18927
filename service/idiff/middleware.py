"""Pure ASGI middleware: the body limit, and what every request is counted by."""

import time
from typing import Final

from starlette.datastructures import Headers
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from idiff.errors import TooManyBytes
from idiff.metrics import Metrics

METHODS: Final = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})
"""Methods that are counted by name: a caller may send any word, and every label is kept for ever."""


class BodyLimit:
    """Bounds a request's body, by its declared length before the first byte and by the bytes that really arrive."""

    def __init__(self, app: ASGIApp, limit: int) -> None:
        self._app = app
        self._limit = limit

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        declared = Headers(scope=scope).get("content-length", "")
        declared_bytes = int(declared) if declared.isdecimal() else 0
        arrived = 0

        async def bounded() -> Message:
            nonlocal arrived
            self._check(declared_bytes)
            message = await receive()
            arrived += len(message.get("body", b""))
            self._check(arrived)
            return message

        await self._app(scope, bounded, send)

    def _check(self, size: int) -> None:
        if size > self._limit:
            raise TooManyBytes(f"the request body is over {self._limit} bytes", limit=self._limit)


class Observe:
    """Counts requests, by route template and status, and times them to their last byte."""

    def __init__(self, app: ASGIApp, metrics: Metrics) -> None:
        self._app = app
        self._metrics = metrics

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        status = 500
        start = time.perf_counter()

        async def noting(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
            await send(message)

        self._metrics.in_flight.inc()
        try:
            await self._app(scope, receive, noting)
        finally:
            self._metrics.in_flight.dec()
            route = getattr(scope.get("route"), "path", "unmatched")
            method = scope["method"] if scope["method"] in METHODS else "other"
            self._metrics.requests.labels(route, method, status).inc()
            self._metrics.request_seconds.labels(route).observe(time.perf_counter() - start)
