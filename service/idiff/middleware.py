"""Pure ASGI middleware: the body limit, and what every request is counted by."""

import logging
import time
from typing import Final

from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from idiff import logs
from idiff.errors import TooManyBytes
from idiff.metrics import Metrics

log = logging.getLogger(__name__)

METHODS: Final = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})
"""Methods that are counted by name: a caller may send any word, and every label is kept for ever."""


PROBES: Final = frozenset({"/livez", "/readyz", "/metrics"})
"""Routes that machines ask every few seconds: logged at level debug."""


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
    """Names every request, counts it by route template and status, times it to its last byte and logs it. The answer
    has its name as `X-Request-Id`."""

    def __init__(self, app: ASGIApp, metrics: Metrics) -> None:
        self._app = app
        self._metrics = metrics

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        status, received = 500, 0
        start = time.perf_counter()
        named = logs.begin(Headers(scope=scope))

        async def counting() -> Message:
            nonlocal received
            message = await receive()
            received += len(message.get("body", b""))
            return message

        async def noting(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                MutableHeaders(scope=message)["X-Request-Id"] = named.request_id
            await send(message)

        self._metrics.in_flight.inc()
        try:
            await self._app(scope, counting, noting)
        finally:
            self._metrics.in_flight.dec()
            route = getattr(scope.get("route"), "path", "unmatched")
            method = scope["method"] if scope["method"] in METHODS else "other"
            seconds = time.perf_counter() - start
            self._metrics.requests.labels(route, method, status).inc()
            self._metrics.request_seconds.labels(route).observe(seconds)
            key = scope.get("idiff.key")
            if key is not None:
                self._metrics.key_requests.labels(key, status).inc()
            told = {"method": method, "route": route, "status": status, "key": key}
            told |= {"bytes": received, "seconds": round(seconds, 4)}
            log.log(logging.DEBUG if route in PROBES else logging.INFO, "request", extra=told)
