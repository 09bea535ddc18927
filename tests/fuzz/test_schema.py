"""What the OpenAPI document promises, held against a running service with data that follows it or breaks it."""

import os
import re
import time
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, Final

import httpx
import pytest
from conftest import SAMPLES, running
from fuzz_answers import check_stream
from hypothesis import strategies as st

from idiff.app import create_app
from idiff.config import Settings
from idiff.deadline import HEADER

if TYPE_CHECKING:
    from schemathesis import Case

schemathesis = pytest.importorskip("schemathesis")

pytestmark = [pytest.mark.fuzz, pytest.mark.slow]

PHOTOS: Final = [(SAMPLES / f"astronaut_{side}.jpg").read_bytes() for side in "ab"]
CONFIG: Final[dict[str, Any]] = {
    "seed": int(os.environ.get("FUZZ_SEED", "1")),
    "generation": {"max-examples": 120, "database": "none"},
    "checks": {
        "not_a_server_error": {"expected-statuses": ["2xx", "3xx", "4xx", "504"]},  # 504: see the test
        # To the document any bytes are a photo and any text a time, so what follows it may well be refused.
        "positive_data_acceptance": {"enabled": False},
    },
}

# Photos are real in two of three fields, so that many requests get as far as a verdict.
schemathesis.openapi.format("binary", st.sampled_from(PHOTOS) | st.sampled_from(PHOTOS) | st.binary())
api = schemathesis.openapi.from_dict(create_app(Settings()).openapi(), config=schemathesis.Config.from_dict(CONFIG))


@pytest.fixture(scope="module")
def url() -> Iterator[str]:
    """A service that is ready: from here on nothing excuses a 503."""
    with running(create_app(Settings())) as (host, port):
        address = f"http://{host}:{port}"
        deadline = time.monotonic() + 60
        while httpx.get(f"{address}/readyz").status_code != 200:
            assert time.monotonic() < deadline
            time.sleep(0.05)
        yield address


@api.parametrize()
@pytest.mark.parametrize("accept", ["application/json", "text/event-stream"])
def test_every_operation_keeps_to_the_document(case: "Case", accept: str, url: str) -> None:
    response = case.call(base_url=url, headers={"Accept": accept}, timeout=60)
    streamed = response.headers["content-type"][0].startswith("text/event-stream")
    # To the document a stream is text: its events are held against their models instead.
    excluded = [schemathesis.checks.response_schema_conformance] if streamed else []
    case.validate_response(response, excluded_checks=excluded)
    if streamed:
        check_stream(response.content)
    assert response.status_code != 504 or HEADER in case.headers, "nobody asked for a deadline"


def test_the_service_holds_the_document_it_was_tested_by(url: str) -> None:
    assert httpx.get(f"{url}/openapi.json").json() == api.raw_schema


def test_many_requests_got_as_far_as_a_verdict(url: str) -> None:
    metrics = httpx.get(f"{url}/metrics").text
    asked, judged, ordered, failed = (
        sum(float(value) for value in re.findall(rf"^{name}{{[^}}]*}} (\S+)$", metrics, re.MULTILINE))
        for name in (
            "idiff_requests_total",
            "idiff_verdicts_total",
            "idiff_rankings_total",
            'idiff_errors_total{code="internal"',
        )
    )
    if asked < 100:
        pytest.skip("the operations were not tested")
    assert judged > 20
    assert ordered > 20
    assert failed == 0
