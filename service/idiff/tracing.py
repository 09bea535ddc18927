"""OpenTelemetry spans: one a request, one a stage under it. An extra (`otel`), off unless settings ask for it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Final, Self

from starlette.datastructures import Headers

if TYPE_CHECKING:
    from opentelemetry.sdk.trace import TracerProvider
    from opentelemetry.trace import Span


class TracingUnavailable(RuntimeError):
    """Spans are asked for, and the packages that export them are absent."""


class Tracing:
    """Makes spans, or nothing without a provider. No photo, file name or rationale is in them."""

    def __init__(self, provider: TracerProvider | None = None) -> None:
        self._provider = provider
        self._tracer = provider.get_tracer("idiff") if provider else None

    @classmethod
    def exporting(cls) -> Self:
        """Spans sent by OTLP over HTTP to where the standard OTEL_EXPORTER_OTLP_* variables say.

        Raises:
            TracingUnavailable: the extra is not installed.
        """
        try:
            from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
            from opentelemetry.sdk.resources import Resource
            from opentelemetry.sdk.trace import TracerProvider
            from opentelemetry.sdk.trace.export import BatchSpanProcessor
        except ImportError as error:
            raise TracingUnavailable("IDIFF_TRACES needs the extra: pip install 'idiff[otel]'") from error
        provider = TracerProvider(resource=Resource.create({"service.name": "idiff"}))
        provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter()))
        return cls(provider)

    @contextmanager
    def request(self, headers: Headers) -> Iterator[Span | None]:
        """The span of a request, under the caller's `traceparent`; stages within the block go under it."""
        if self._tracer is None:
            yield None
            return
        from opentelemetry.trace import SpanKind
        from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

        caller = TraceContextTextMapPropagator().extract(dict(headers))
        with self._tracer.start_as_current_span("request", caller, SpanKind.SERVER) as span:
            yield span

    @contextmanager
    def stage(self, name: str) -> Iterator[None]:
        """The span of one stage. Not the current one: a stage may end in another context than it began in."""
        if self._tracer is None:
            yield
            return
        span = self._tracer.start_span(name)
        try:
            yield
        finally:
            span.end()

    def close(self) -> None:
        """Send what has not been sent."""
        if self._provider:
            self._provider.shutdown()


SILENT: Final = Tracing()


def trace_id(span: Span | None) -> str | None:
    """The id of a span's trace, 32 hex digits."""
    return f"{span.get_span_context().trace_id:032x}" if span else None


def finish(span: Span | None, method: str, route: str, status: int) -> None:
    """What is known of a request when it has been answered, by the semantic conventions of HTTP."""
    if span is None:
        return
    span.update_name(f"{method} {route}")
    span.set_attributes({"http.request.method": method, "http.route": route, "http.response.status_code": status})
    if status >= 500:
        from opentelemetry.trace import StatusCode

        span.set_status(StatusCode.ERROR)
