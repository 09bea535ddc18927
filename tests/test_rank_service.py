"""POST /rank as a service: refusals, events, deadlines, places, memory, what it logs and counts."""

import re
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager, ExitStack, suppress
from pathlib import Path

import httpx
import numpy as np
import pytest
import service_support
from conftest import encode, serve
from fastapi.testclient import TestClient
from rank_support import ranked, send, shots
from thinking_support import RATIONALE, complete, events, hangs, thinking, upstream

from idiff.admission import Admission
from idiff.config import Settings
from idiff.errors import Overloaded
from idiff.ranking.schemas import Ranking

GOOD = encode(np.random.default_rng(1).integers(0, 256, (64, 64, 3), np.uint8))
TINY = encode(np.zeros((4, 4, 3), np.uint8))

CASES = {
    "none": ([], {}, 400, "missing_field", "photos[0]"),
    "one": ([GOOD], {}, 400, "missing_field", "photos[1]"),
    "an_empty_one": ([GOOD, GOOD, b"", GOOD], {}, 400, "missing_field", "photos[2]"),
    "too_many": ([GOOD] * 65, {}, 422, "too_many_photos", "photos"),
    "no_picture": ([GOOD, GOOD, GOOD, b"no picture", b"nor this"], {}, 415, "unsupported_image", "photos[3]"),
    "a_tiny_one": ([GOOD, TINY], {}, 422, "image_too_small", "photos[1]"),
    "torn_ones": ([GOOD, GOOD[:9000], GOOD[:8000]], {}, 422, "undecodable_image", "photos[1]"),
    "unknown_category": ([GOOD, GOOD], {"category": "cat"}, 422, "invalid_option", "category"),
    "unknown_rationale": ([GOOD, GOOD], {"rationale": "auto"}, 422, "invalid_option", "rationale"),
    "unknown_field": ([GOOD, GOOD], {"attributes": "true"}, 400, "unknown_field", "attributes"),
}  # fmt: skip


@pytest.mark.parametrize("case", CASES)
def test_refusal(client: TestClient, case: str) -> None:
    photos, options, status, code, field = CASES[case]
    answer = send(client, photos, **options) if photos else client.post("/rank", files={"category": (None, "auto")})
    assert (answer.status_code, answer.json()["error"]["code"]) == (status, code), answer.text
    assert answer.json()["error"]["field"] == field
    assert client.get("/metrics").text.count("idiff_requests_in_flight 1.0") == 1


def test_what_is_no_photo_of_a_set(client: TestClient) -> None:
    both = [("photos", ("a", GOOD)), ("photos", ("b", GOOD))]
    answers = [
        client.post("/rank", files=[*both, ("image_a", ("c", GOOD))]),
        client.post("/rank", files=[*both, ("category", ("c", GOOD))]),
        client.post("/rank", files=both, data={"photos": "a path"}),
        client.post("/rank", json={}),
    ]
    told = [(answer.status_code, answer.json()["error"]["code"], answer.json()["error"]["field"]) for answer in answers]
    assert told == [
        (400, "unknown_field", "image_a"),
        (400, "malformed_request", "category"),
        (400, "missing_field", "photos[0]"),
        (400, "malformed_request", None),
    ]


def test_the_order_comes_first_and_its_reason_after_it(client: TestClient) -> None:
    told = events(client, [("photos", ("x.jpg", photo)) for photo in shots()[:3]], path="/rank")
    names = [name for name, _ in told]
    assert names[0] == "ranking"
    assert names[-2:] == ["rationale", "done"]
    assert set(names[1:-2]) == {"rationale.delta"}
    first = Ranking.model_validate(told[0][1])
    assert first.reason.rationale is None
    assert first.order == ranked(client, shots()[:3]).order
    assert "".join(data["text"] for _, data in told[1:-2]) == told[-2][1]["text"]


def test_the_model_writes_the_reason_where_it_is_asked_to() -> None:
    requests: list[dict[str, object]] = []
    with upstream(complete(), requests=requests) as url, thinking(url) as client:
        measured = ranked(client, shots()[:3])
        assert not requests, "measured unless asked"
        written = ranked(client, shots()[:3], rationale="model")
    assert measured.reason.rationale is not None
    assert measured.reason.rationale.source == "measured"
    assert written.reason.rationale is not None
    assert (written.reason.rationale.source, written.reason.rationale.text) == ("model", RATIONALE)
    assert written.provenance.adapter == "rationale"
    assert len(requests) == 1


def test_a_model_that_hangs_is_not_waited_for() -> None:
    with upstream(hangs) as url, thinking(url) as client:
        ranking = ranked(client, shots()[:3], rationale="model")
    assert ranking.reason.rationale is not None
    assert (ranking.reason.rationale.source, ranking.reason.rationale.reason) == ("measured", "timeout")
    assert "rationale_fallback" in {warning.code for warning in ranking.warnings}


def test_no_order_in_time_is_a_504_and_nothing_stays_held(client: TestClient) -> None:
    files = [("photos", ("x.jpg", photo)) for photo in shots()]
    answer = client.post("/rank", files=files, headers={"X-Request-Timeout-Ms": "30"})
    assert (answer.status_code, answer.json()["error"]["code"]) == (504, "deadline_exceeded")
    assert "idiff_queue_depth 0.0" in client.get("/metrics").text
    assert send(client, shots()).status_code == 200


def test_rankings_hold_at_most_half_of_the_places() -> None:
    admission = Admission(most_uploads=4, most_in_flight=7)

    def refused(place: AbstractContextManager[object]) -> bool:
        with suppress(Overloaded), place:
            return False
        return True

    with admission.ranking(4) as two:
        assert (two, admission.in_flight) == (2, 2)
        assert refused(admission.ranking(3))
        with ExitStack() as held:
            assert held.enter_context(admission.ranking(2)) == 1
            assert refused(admission.uploading(ranking=True))
            assert not refused(admission.uploading())
            for _ in range(4):
                held.enter_context(admission.working())
            assert refused(admission.working())
    assert (admission.in_flight, admission.rankings) == (0, 0)
    with admission.ranking(64) as half:
        assert half == 3
    with ExitStack() as held:
        for _ in range(5):
            held.enter_context(admission.working())
        assert refused(admission.ranking(64))
        assert not refused(admission.ranking(4))


def test_comparisons_go_on_beside_a_large_ranking(files: dict[str, bytes]) -> None:
    with serve(Settings(threads=2, max_in_flight=7)) as client, ThreadPoolExecutor(1) as caller:
        alone = time.monotonic()
        assert client.post("/compare", files=files).status_code == 200
        alone = time.monotonic() - alone
        asked = caller.submit(send, client, [*shots() * 6])
        while "idiff_queue_depth 3.0" not in client.get("/metrics").text:
            assert not asked.done()
        refused = send(client, shots())
        assert (refused.status_code, refused.json()["error"]["code"]) == (503, "overloaded")
        assert refused.headers["Retry-After"]
        start = time.monotonic()
        assert client.post("/compare", files=files).status_code == 200
        assert not asked.done(), "it was answered while the ranking went on"
        assert time.monotonic() - start < 10 * alone + 1
        assert asked.result().status_code == 200


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[service_support.Running, Path]]:
    """A service of its own that may decode one photo at a time, and its log."""
    log = tmp_path_factory.mktemp("log") / "stderr"
    with log.open("wb") as output, service_support.service(output, pairs_in_memory=1) as running:
        yield running, log


def post(running: service_support.Running, photos: Sequence[bytes], **options: str) -> httpx.Response:
    files = [("photos", (f"secret-{place}.jpg", photo)) for place, photo in enumerate(photos)]
    return httpx.post(f"{running.url}/rank", files=files, data=options, timeout=120)


def test_what_is_counted_and_logged(service: tuple[service_support.Running, Path]) -> None:
    running, log = service
    answer = post(running, shots()[:3])
    assert answer.status_code == 200
    assert "read;dur=" in answer.headers["Server-Timing"]
    assert running.metric('idiff_rankings_total{category="person",category_source="detected"}') == 1
    assert running.metric("idiff_ranking_photos_sum") == 3
    assert running.metric('idiff_ranking_stage_seconds_count{stage="look"}') == 1
    assert running.metric('idiff_stage_seconds_count{stage="decode"}') == 0, "comparisons have their own stages"
    assert running.metric('idiff_requests_total{code="200",method="POST",route="/rank"}') == 1
    assert "secret" not in answer.text + log.read_text()
    assert '"route": "/rank"' in log.read_text()


@pytest.mark.slow
def test_pixels_of_a_whole_set_are_never_in_memory_at_once(service: tuple[service_support.Running, Path]) -> None:
    running, _ = service

    def peak() -> float:
        found = re.search(r"VmHWM:\s+(\d+) kB", Path(f"/proc/{running.process.pid}/status").read_text())
        assert found
        return int(found[1]) / 1024

    photo = encode(np.full((4000, 6000, 3), 120, np.uint8), "JPEG")  # 72 MB of pixels
    before = peak()
    assert post(running, [photo + bytes([place]) for place in range(7)], rationale="none").status_code == 200
    assert peak() - before < 4 * 72, "of seven"
