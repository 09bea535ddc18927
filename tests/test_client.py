"""The clients against the real service, and against a small server that refuses first."""

import asyncio
import http.server
import io
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import pytest
from conftest import SAMPLES

from idiff import AsyncClient, Client, ServiceError
from idiff.client import Event
from idiff.ranking.schemas import Ranking
from idiff.schemas import Comparison, Done, Maps, Rationale, RationaleDelta

A, B = SAMPLES / "astronaut_a.jpg", SAMPLES / "astronaut_b.jpg"


@pytest.fixture(scope="module")
def compared(address: str) -> Comparison:
    with Client(address) as client:
        return client.compare(A, B)


def test_the_base_install_is_enough(address: str) -> None:
    """What the server needs cannot be imported."""
    banned = ["numpy", "cv2", "fastapi", "starlette", "uvicorn", "PIL", "onnxruntime", "pydantic_settings", "jinja2"]
    code = (
        f"import sys; sys.modules.update(dict.fromkeys({banned}))\n"
        "from idiff import AsyncClient, Client, ServiceError\n"
        f"print(Client({address!r}).compare({str(A)!r}, {str(B)!r}).verdict.preferred)\n"
        "from idiff.cli import app\n"
        f"app(['gate', {str(SAMPLES)!r}, {str(SAMPLES)!r}, '--url', {address!r}])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("A\n")
    assert done.stdout.endswith("passed\n")


def test_a_part_of_idiff_needs_no_http() -> None:
    code = "import sys, idiff.errors; print('httpx' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60)
    assert done.stdout == "False\n", done.stderr


@pytest.mark.parametrize("kind", [str, Path, Path.read_bytes, lambda path: io.BytesIO(path.read_bytes())])
def test_a_photo_is_a_path_bytes_or_a_file(address: str, compared: Comparison, kind: Callable[[Path], object]) -> None:
    with Client(address) as client:
        answer = client.compare(kind(A), kind(B), rationale="none", category="person")  # type: ignore[arg-type]
    assert answer.verdict.preferred == compared.verdict.preferred == "A"
    assert (answer.verdict.category_source, compared.verdict.category_source) == ("given", "detected")
    assert answer.rationale is None
    assert compared.rationale


def test_both_clients_say_the_same(address: str, compared: Comparison) -> None:
    async def ask() -> tuple[Comparison, str, bool | None, list[Event]]:
        async with AsyncClient(address) as client:
            async with client.stream(A, B, maps="difference") as events:
                streamed = [event async for event in events]
            info = await client.info()
            return await client.compare(A, B), info.release["version"], await client.ready(), streamed

    answer, release, ready, streamed = asyncio.run(ask())
    assert answer.verdict == compared.verdict
    assert answer.rationale == compared.rationale
    assert ready is True
    with Client(address) as client:
        assert client.info().release["version"] == release == answer.provenance.release
        with client.stream(A, B, maps="difference") as events:
            again = list(events)
    assert [type(event) for event in again] == [type(event) for event in streamed]
    first, *_, last = again
    assert isinstance(first, Comparison)
    assert first.verdict == compared.verdict
    assert first.rationale is None
    assert isinstance(last, Done)
    assert "".join(event.text for event in again if isinstance(event, RationaleDelta)) == compared.rationale.text  # type: ignore[union-attr]
    (maps,) = [event for event in again if isinstance(event, Maps)]
    assert (maps.difference is None, maps.sharpness) == (False, None)
    assert compared.rationale in [event for event in again if isinstance(event, Rationale)]


def test_photos_are_ranked(address: str) -> None:
    async def ask() -> Ranking:
        async with AsyncClient(address) as client:
            return await client.rank([B, A.read_bytes()], category="person", rationale="none")

    ranking = asyncio.run(ask())
    assert ranking.order == [1, 0]
    with Client(address) as client:
        assert client.rank([B, A], category="person", rationale="none").probabilities == ranking.probabilities
        with pytest.raises(ServiceError) as caught:
            client.rank([A])
    assert caught.value.code == "missing_field"


def test_crops_are_sent_with_the_photos(address: str) -> None:
    with Client(address) as client:
        answer = client.compare(A, B, crop_a=A, crop_b=B, rationale="none")
    assert answer.views.crop_method == "given"


def test_a_refusal_is_typed(address: str) -> None:
    with Client(address) as client, pytest.raises(ServiceError) as caught:
        client.compare(A, b"no picture")
    error = caught.value
    assert (error.status, error.code, error.field) == (415, "unsupported_image", "image_b")
    assert error.request_id
    with Client(address) as client, pytest.raises(ServiceError) as late:
        client.compare(A, B, timeout_s=0.001)
    assert late.value.code == "deadline_exceeded"


def test_what_is_no_photo_or_option_is_said_before_anything_is_sent(address: str) -> None:
    with Client(address) as client:
        with pytest.raises(TypeError, match="rb"):
            client.compare(A, io.StringIO("text"))  # type: ignore[arg-type]
        with pytest.raises(TypeError, match="kind"):
            client.compare(A, B, kind="x")  # type: ignore[call-arg]
        with pytest.raises(FileNotFoundError):
            client.compare(A, "absent.jpg")


Answer = tuple[int, dict[str, str], bytes] | None
"""Status, headers and body; None breaks the connection."""


class Scripted(http.server.ThreadingHTTPServer):
    """Gives the answers it was told, one a request, the last one for ever."""

    def __init__(self, answers: list[Answer]) -> None:
        self.answers = answers
        self.asked: list[tuple[float, dict[str, str], bytes]] = []
        self.peers: set[object] = set()
        super().__init__(("127.0.0.1", 0), Handler)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}"


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: Scripted

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.server.asked.append((time.monotonic(), dict(self.headers), body))
        self.server.peers.add(self.client_address)
        answers = self.server.answers
        answer = answers.pop(0) if len(answers) > 1 else answers[0]
        if answer is None:
            self.close_connection = True
            return
        status, headers, data = answer
        self.send_response(status)
        for name, value in ({"Content-Length": str(len(data))} | headers).items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(data)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002
        pass


@contextmanager
def scripted(*answers: Answer) -> Iterator[Scripted]:
    """A server with these answers."""
    with Scripted(list(answers)) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        try:
            yield server
        finally:
            server.shutdown()
            thread.join()


def busy(status: int, code: str, **headers: str) -> Answer:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return status, named, f'{{"error": {{"code": "{code}", "message": "later"}}}}'.encode()


async def _async_compare(url: str, **options: float) -> Comparison:
    async with AsyncClient(url, **options) as client:  # type: ignore[arg-type]
        return await client.compare(b"a", b"b")


def _compare(url: str, **options: float) -> Comparison:
    with Client(url, **options) as client:  # type: ignore[arg-type]
        return client.compare(b"a", b"b")


BOTH = pytest.mark.parametrize(
    "compare", [_compare, lambda url, **options: asyncio.run(_async_compare(url, **options))], ids=["sync", "async"]
)


@BOTH
def test_a_busy_service_is_asked_again_when_it_says(compare: Callable[..., Comparison], compared: Comparison) -> None:
    good: Answer = (200, {}, compared.model_dump_json().encode())
    with scripted(busy(429, "key_busy"), None, busy(503, "overloaded", Retry_After="1"), good) as server:
        assert compare(server.url) == compared
    times, headers, bodies = zip(*server.asked, strict=True)
    assert len(times) == 4
    assert times[1] - times[0] >= 0.25
    assert times[2] - times[1] >= 0.5
    assert times[3] - times[2] >= 1
    assert all(b'name="image_a"' in body and b'name="image_b"' in body for body in bodies)
    left = [int(header["X-Request-Timeout-Ms"]) for header in headers]
    assert 59_000 < left[0] <= 60_000
    assert left == sorted(left, reverse=True)
    assert left[0] - left[3] >= 1750


@BOTH
@pytest.mark.parametrize(
    ("answer", "options", "attempts"),
    [
        (busy(503, "overloaded", Retry_After="0"), {"retries": 1}, 2),
        (busy(503, "not_ready", Retry_After="30", X_Request_Id="r1"), {"timeout_s": 5.0}, 1),
        (busy(503, "not_ready", Retry_After="Wed, 01 Jan 2999 00:00:00 GMT"), {}, 1),
        (busy(413, "too_many_bytes", Retry_After="1"), {}, 1),
        (busy(500, "model_failed"), {}, 1),
        ((502, {}, b"<html>a proxy's page</html>"), {}, 1),
        ((200, {}, b"<html>another service's page</html>"), {}, 1),
    ],
)
def test_an_end_comes_to_asking(
    compare: Callable[..., Comparison], answer: Answer, options: dict[str, float], attempts: int
) -> None:
    start = time.monotonic()
    with scripted(answer) as server, pytest.raises(ServiceError) as caught:
        compare(server.url, **options)
    assert len(server.asked) == attempts
    assert time.monotonic() - start < 20
    assert answer
    assert caught.value.status == answer[0]
    assert caught.value.request_id == answer[1].get("X-Request-Id")
    assert (caught.value.code == "unexpected_answer") == (b"page" in answer[2])


@BOTH
def test_a_broken_connection_is_no_answer(compare: Callable[..., Comparison]) -> None:
    with scripted(None) as server, pytest.raises(httpx.RemoteProtocolError):
        compare(server.url, retries=1)
    assert len(server.asked) == 2


def test_connections_are_kept(compared: Comparison) -> None:
    with scripted((200, {}, compared.model_dump_json().encode())) as server, Client(server.url) as client:
        for _ in range(3):
            client.compare(b"a", b"b")
        assert len(server.peers) == 1


def test_a_stream_is_retried_at_its_start_and_must_reach_its_end(compared: Comparison) -> None:
    text = "a\u2028b\x85c"  # line ends to Python, none to the protocol
    started = b"event: later\ndata: {}\n\nevent: verdict\ndata: %b\n\n" % compared.model_dump_json().encode()
    piece = RationaleDelta(text=text).model_dump_json().encode()
    answer: Answer = (200, {}, started + b"event: rationale.delta\ndata:%b\n\n" % piece)
    seen: list[Event] = []
    with (
        scripted(busy(503, "overloaded", Retry_After="0"), answer) as server,
        Client(server.url) as client,
        pytest.raises(ServiceError, match="ended before"),
        client.stream(b"a", b"b") as events,
    ):
        seen.extend(events)
    assert seen == [compared, RationaleDelta(text=text)]
    assert server.asked[0][1]["Accept"] == "text/event-stream"
    broken: Answer = (200, {}, b"event: done\ndata: {}\n\n")
    with (
        scripted(broken) as server,
        Client(server.url) as client,
        pytest.raises(ServiceError, match="another form"),
        client.stream(b"a", b"b") as events,
    ):
        list(events)
