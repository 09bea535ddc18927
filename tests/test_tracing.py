"""OpenTelemetry: the spans of a request, as a real exporter sends them."""

import gzip
import sys
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import httpx
import pytest
from release_support import tiny_release
from service_support import service
from typer.testing import CliRunner

from idiff.cli import app

pytest.importorskip("opentelemetry.proto", reason="needs the otel extra")

from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.trace.v1.trace_pb2 import Span

TRACE, CALLER = "4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7"
STAGES = {"headers", "queue", "decode", "views", "route", "align", "answer", "features", "rationale"}


@pytest.fixture
def collector() -> Iterator[tuple[str, list[Span]]]:
    """Where to send spans, and those that came."""
    spans: list[Span] = []

    class Collector(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            if self.headers.get("Content-Encoding") == "gzip":
                body = gzip.decompress(body)
            for resource in ExportTraceServiceRequest.FromString(body).resource_spans:
                spans.extend(span for scope in resource.scope_spans for span in scope.spans)
            self.send_response(200)
            self.end_headers()

        def log_message(self, *_: object) -> None:
            pass

    with HTTPServer(("127.0.0.1", 0), Collector) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}", spans
        server.shutdown()
        thread.join()


def test_a_request_and_its_stages_are_spans_of_the_callers_trace(
    tmp_path: Path, files: dict[str, bytes], collector: tuple[str, list[Span]], monkeypatch: pytest.MonkeyPatch
) -> None:
    endpoint, spans = collector
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", endpoint)
    log = tmp_path / "log"
    with log.open("w") as stderr, service(stderr, release=tiny_release(tmp_path / "r"), traces="true") as running:
        headers = {"traceparent": f"00-{TRACE}-{CALLER}-01"}
        assert httpx.post(f"{running.url}/compare", files=files, headers=headers).status_code == 200
        assert httpx.post(f"{running.url}/compare", files={}).status_code == 400
        running.process.terminate()
        assert running.process.wait(20) == 0
    ours = [span for span in spans if span.trace_id.hex() == TRACE]
    (request,) = (span for span in ours if span.name == "POST /compare")
    assert request.parent_span_id.hex() == CALLER
    told = {one.key: one.value.string_value or one.value.int_value for one in request.attributes}
    assert told["http.route"] == "/compare"
    assert told["http.response.status_code"] == 200
    stages = {span.name: span for span in ours if span is not request}
    assert stages.keys() == STAGES
    for stage in stages.values():
        assert stage.parent_span_id == request.span_id
        assert request.start_time_unix_nano <= stage.start_time_unix_nano <= stage.end_time_unix_nano
    (refused,) = (span for span in spans if span.trace_id.hex() != TRACE)  # probes have none
    assert f'"trace_id": "{refused.trace_id.hex()}"' in log.read_text()


def test_without_the_extra_nothing_starts(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "opentelemetry.exporter.otlp.proto.http.trace_exporter", None)
    done = CliRunner().invoke(app, ["serve"], env={"IDIFF_TRACES": "true"})
    assert done.exit_code == 2
    assert done.stderr == "idiff: invalid_setting: IDIFF_TRACES needs the extra: pip install 'idiff[otel]'\n"
