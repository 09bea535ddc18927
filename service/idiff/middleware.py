"""Pure ASGI middleware: the body limit, and what every request is counted by."""

import asyncio
import logging
import time
from typing import TYPE_CHECKING, Final

from h11 import LocalProtocolError
from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from idiff import logs
from idiff.api.problems import CLIENT_CLOSED
from idiff.api.state import Service
from idiff.errors import TooManyBytes
from idiff.tracing import SILENT, finish, trace_id

if TYPE_CHECKING:
    from opentelemetry.trace import Span

log = logging.getLogger(__name__)

TURNED_AWAY: Final = frozenset({413, 429, 503})
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

    def __init__(self, app: ASGIApp, service: Service) -> None:
        self._app = app
        self._service = service
        self._metrics = service.metrics

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        headers = Headers(scope=scope)
        tracing = SILENT if scope["path"] in PROBES else self._service.tracing
        with tracing.request(headers) as span:
            await self._observed(scope, receive, send, span, logs.begin(headers, trace_id(span)))

    async def _observed(
        self, scope: Scope, receive: Receive, send: Send, span: "Span | None", named: logs.Named
    ) -> None:
        status, received = 500, 0
        start = last = time.perf_counter()

        async def counting() -> Message:
            nonlocal received, last
            message = await receive()
            received += len(message.get("body", b""))
            last = time.perf_counter()
            return message

        async def noting(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                if status in TURNED_AWAY and scope["path"] not in PROBES:
                    reason = scope.get("idiff.reason", "other")
                    self._metrics.refusal_seconds.labels(reason).observe(time.perf_counter() - last)
                headers = MutableHeaders(scope=message)
                headers["X-Request-Id"] = named.request_id
                if self._service.draining:
                    headers["Connection"] = "close"
            try:
                await send(message)
            except LocalProtocolError:  # what came was no HTTP any more: uvicorn has answered it and is closing
                await asyncio.sleep(0)  # until it has noticed that nobody is there

        self._metrics.in_flight.inc()
        try:
            await self._app(scope, counting, noting)
        finally:
            self._metrics.in_flight.dec()
            if scope.get("idiff.left"):
                status = CLIENT_CLOSED
            route = getattr(scope.get("route"), "path", "unmatched")
            method = scope["method"] if scope["method"] in METHODS else "other"
            seconds = time.perf_counter() - start
            self._metrics.requests.labels(route, method, status).inc()
            self._metrics.request_seconds.labels(route).observe(seconds)
            key = scope.get("idiff.key")
            if key is not None:
                self._metrics.key_requests.labels(key, status).inc()
            finish(span, method, route, status)
            told = {"method": method, "route": route, "status": status, "key": key}
            told |= {"bytes": received, "seconds": round(seconds, 4)}
            log.log(logging.DEBUG if route in PROBES else logging.INFO, "request", extra=told)
