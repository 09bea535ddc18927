"""Bad input: a clear 4xx that names the field and the limit, never a 500."""

import io
import socket
import struct
import time
import zlib
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress

import httpx
import numpy as np
import pytest
from conftest import encode, running, serve
from fastapi.testclient import TestClient
from PIL import Image, ImageCms

from idiff.app import create_app
from idiff.config import Settings

TINY = encode(np.zeros((4, 4, 3), np.uint8))
GOOD = encode(np.random.default_rng(1).integers(0, 256, (64, 64, 3), np.uint8))
BOTH = {"image_a": GOOD, "image_b": GOOD}


def png_declaring(width: int, height: int) -> bytes:
    """A tiny PNG whose header declares any size."""
    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    chunks = [(b"IHDR", header), (b"IDAT", zlib.compress(b"")), (b"IEND", b"")]
    parts = [struct.pack(">I", len(d)) + k + d + struct.pack(">I", zlib.crc32(k + d)) for k, d in chunks]
    return b"\x89PNG\r\n\x1a\n" + b"".join(parts)


def animation(kind: str) -> bytes:
    """Three differing frames."""
    frames = [Image.fromarray(np.full((32, 32, 3), level, np.uint8)) for level in (0, 100, 200)]
    buffer = io.BytesIO()
    frames[0].save(buffer, kind, save_all=True, append_images=frames[1:])
    return buffer.getvalue()


CASES = {
    "no_photo": ({"crop_b": GOOD}, {}, 400, "missing_field", "image_a"),
    "one_photo": ({"image_a": GOOD}, {}, 400, "missing_field", "image_b"),
    "one_crop": (BOTH | {"crop_a": GOOD}, {}, 400, "missing_field", "crop_b"),
    "crop_alone": ({"merged_crop": GOOD}, {}, 400, "missing_field", "merged_global"),
    "empty_photo": ({"image_a": GOOD, "image_b": b""}, {}, 400, "missing_field", "image_b"),
    "two_layouts": (BOTH | {"merged_global": GOOD}, {}, 400, "mixed_layouts", "merged_global"),
    "unknown_field": (BOTH | {"image_c": GOOD}, {}, 400, "unknown_field", "image_c"),
    "unknown_category": (BOTH, {"category": "cat"}, 422, "invalid_option", "category"),
    "unknown_rationale": (BOTH, {"rationale": "yes"}, 422, "invalid_option", "rationale"),
    "text": ({"image_a": GOOD, "image_b": b"hello, this is no picture"}, {}, 415, "unsupported_image", "image_b"),
    "gif": ({"image_a": animation("GIF"), "image_b": GOOD}, {}, 415, "unsupported_image", "image_a"),
    "animated_webp": ({"image_a": animation("WEBP"), "image_b": GOOD}, {}, 422, "animation_unsupported", "image_a"),
    "animated_png": ({"image_a": animation("PNG"), "image_b": GOOD}, {}, 422, "animation_unsupported", "image_a"),
    "truncated": ({"image_a": GOOD, "image_b": GOOD[: len(GOOD) // 2]}, {}, 422, "undecodable_image", "image_b"),
    "bomb": ({"image_a": png_declaring(60000, 60000), "image_b": GOOD}, {}, 413, "too_many_pixels", "image_a"),
    "tiny": ({"image_a": TINY, "image_b": GOOD}, {}, 422, "image_too_small", "image_a"),
    "raw": ({"image_a": b"FUJIFILMCCD-RAW " + bytes(200), "image_b": GOOD}, {}, 415, "raw_unsupported", "image_a"),
}


@pytest.mark.parametrize("case", CASES)
def test_refusal(client: TestClient, case: str) -> None:
    files, options, status, code, field = CASES[case]
    answer = client.post("/compare", files=files, data=options)
    assert (answer.status_code, answer.json()["error"]["code"]) == (status, code), answer.text
    assert answer.json()["error"]["field"] == field
    assert answer.json()["error"]["message"]


@pytest.mark.parametrize(
    ("content", "content_type"),
    [
        (b"{}", "application/json"),
        (b"image_a=1", "application/x-www-form-urlencoded"),
        (b"", ""),
        (b"no boundary", "multipart/form-data"),
        (b"garbage", "multipart/form-data; boundary=x"),
        (b"--x\r\nContent-Disposition: form-data\r\n\r\nno name\r\n--x--\r\n", "multipart/form-data; boundary=x"),
        (b"--x\r\nbroken header\r\n\r\n\r\n--x--\r\n", "multipart/form-data; boundary=x"),
    ],
)
def test_malformed_form(client: TestClient, content: bytes, content_type: str) -> None:
    answer = client.post("/compare", content=content, headers={"Content-Type": content_type})
    assert answer.status_code == 400, answer.text
    assert answer.json()["error"]["code"] in {"malformed_request", "missing_field"}


def test_field_twice(client: TestClient) -> None:
    answer = client.post("/compare", files=[("image_a", GOOD), ("image_a", GOOD), ("image_b", GOOD)])
    assert answer.status_code == 400
    assert answer.json()["error"] == {
        "code": "malformed_request", "message": "image_a was sent twice", "field": "image_a", "limit": None,
    }  # fmt: skip


def test_limits_are_named(client: TestClient) -> None:
    answer = client.post("/compare", files={"image_a": png_declaring(60000, 60000), "image_b": GOOD})
    assert answer.json()["error"]["limit"] == Settings().max_pixels
    answer = client.post("/compare", files={"image_a": GOOD, "image_b": GOOD}, data={"category": "cat"})
    assert answer.json()["error"]["limit"] == "auto, person, scene"


def test_body_limit() -> None:
    with serve(Settings(max_body_bytes=20_000)) as small:
        over = small.post("/compare", files={"image_a": GOOD, "image_b": GOOD + bytes(20_000)})
        assert over.status_code == 413
        assert over.json()["error"]["code"] == "too_many_bytes"
        assert over.json()["error"]["limit"] == 20_000

        def chunks() -> Iterator[bytes]:
            yield b'--x\r\nContent-Disposition: form-data; name="image_a"; filename="a"\r\n\r\n'
            for _ in range(100):
                yield bytes(1000)

        chunked = small.post("/compare", content=chunks(), headers={"Content-Type": "multipart/form-data; boundary=x"})
        assert chunked.status_code == 413


def test_unknown_route_and_method(client: TestClient) -> None:
    assert client.get("/nowhere").json()["error"]["code"] == "not_found"
    assert client.get("/compare").json()["error"]["code"] == "method_not_allowed"


def test_more_requests_than_the_service_holds() -> None:
    with serve(Settings(max_in_flight=1, threads=1)) as narrow:
        photo = encode(np.random.default_rng(2).integers(0, 256, (1500, 1500, 3), np.uint8))
        files = {"image_a": photo, "image_b": photo}
        with ThreadPoolExecutor(4) as callers:
            answers = list(callers.map(lambda _: narrow.post("/compare", files=files), range(4)))
        codes = sorted(answer.status_code for answer in answers)
        assert codes[0] == 200
        assert codes[-1] == 503
        refused = next(answer for answer in answers if answer.status_code == 503)
        assert refused.json()["error"]["code"] == "overloaded"
        assert refused.json()["error"]["limit"] == 1
        assert refused.headers["Retry-After"]
        assert refused.headers["X-Queue-Depth"] == "1"
        assert 'idiff_refusal_seconds_bucket{le="0.05",reason="comparisons"}' in narrow.get("/metrics").text
        assert narrow.post("/compare", files=files).status_code == 200


@pytest.mark.parametrize("filler", [b"\xff\xda\x00\x02", b"\xff\xe0\x00\x02"])
def test_a_jpeg_of_empty_segments_is_refused_at_once(client: TestClient, filler: bytes) -> None:
    buffer = io.BytesIO()
    Image.fromarray(np.zeros((64, 64, 3), np.uint8)).save(buffer, "JPEG")
    jpeg = buffer.getvalue()
    start = time.monotonic()
    answer = client.post("/compare", files={"image_a": jpeg[:2] + filler * 2**21 + jpeg[2:], "image_b": GOOD})
    assert answer.json()["error"]["code"] == "undecodable_image"
    assert time.monotonic() - start < 1


def test_a_giant_colour_profile_is_not_used(client: TestClient) -> None:
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes() + bytes(5 * 2**20)
    photo = encode(np.random.default_rng(3).integers(0, 256, (64, 64, 3), np.uint8), "TIFF", icc_profile=profile)
    answer = client.post("/compare", files={"image_a": photo, "image_b": GOOD})
    assert answer.status_code == 200
    assert ("profile_invalid", "image_a") in {(w["code"], w["field"]) for w in answer.json()["warnings"]}


def test_any_word_can_be_a_method_but_not_a_metric(client: TestClient) -> None:
    for word in ("FOO1", "FOO2"):
        assert client.request(word, "/compare").status_code == 405
    assert "FOO" not in client.get("/metrics").text


@contextmanager
def listening(settings: Settings) -> Iterator[tuple[str, int]]:
    """A service on a socket of its own, ready; its address."""
    with running(create_app(settings)) as (host, port):
        while httpx.get(f"http://{host}:{port}/readyz").status_code != 200:
            time.sleep(0.02)
        yield host, port


@pytest.mark.parametrize("chunked", [False, True])
def test_a_refusal_reaches_a_caller_who_sends_everything_first(chunked: bool) -> None:
    head = b'--x\r\nContent-Disposition: form-data; name="image_a"; filename="a"\r\n\r\n'
    size = len(head) + 30_000_000

    def pieces() -> Iterator[bytes]:
        yield head
        for _ in range(30):
            yield bytes(1_000_000)

    length = {} if chunked else {"Content-Length": str(size)}
    with listening(Settings(max_body_bytes=1_000_000)) as (host, port), httpx.Client(timeout=20) as caller:
        headers = {"Content-Type": "multipart/form-data; boundary=x", **length}
        answer = caller.post(f"http://{host}:{port}/compare", content=pieces(), headers=headers)
        assert (answer.status_code, answer.json()["error"]["code"]) == (413, "too_many_bytes")
        assert caller.get(f"http://{host}:{port}/livez").status_code == 200


def test_the_answer_comes_at_once_and_the_rest_is_read_for_a_while_only() -> None:
    with listening(Settings(max_body_bytes=1000)) as address, socket.create_connection(address, timeout=20) as caller:
        start = time.monotonic()
        caller.sendall(
            b"POST /compare HTTP/1.1\r\nHost: x\r\nContent-Type: multipart/form-data; boundary=x\r\n"
            b"Content-Length: 9000000000\r\n\r\n" + bytes(5000)
        )
        answer = b""
        while not answer.endswith(b"}}") and (piece := caller.recv(65536)):  # head and body may come apart
            answer += piece
        told = time.monotonic() - start
        with suppress(OSError):  # it closes while this sends
            while time.monotonic() - start < 15:
                caller.sendall(bytes(1000))
                time.sleep(0.05)
        closed = time.monotonic() - start
    assert answer.startswith(b"HTTP/1.1 413")
    assert b"too_many_bytes" in answer
    assert told < 1
    assert 4 < closed < 10


def test_an_upload_that_stalls() -> None:
    with listening(Settings(upload_timeout_s=0.3)) as address, socket.create_connection(address, timeout=10) as caller:
        caller.sendall(
            b"POST /compare HTTP/1.1\r\nHost: x\r\nContent-Length: 1000\r\n"
            b"Content-Type: multipart/form-data; boundary=x\r\n\r\n"
            b'--x\r\nContent-Disposition: form-data; name="image_a"; filename="a"\r\n\r\nsome'
        )
        answer = b""
        while piece := caller.recv(65536):
            answer += piece
    assert answer.startswith(b"HTTP/1.1 408")
    assert b'"upload_timeout"' in answer


def test_a_photo_without_a_file_name(client: TestClient) -> None:
    head = b'--x\r\nContent-Disposition: form-data; name="image_a"\r\n\r\n'
    body = head + bytes(5000) + b"\r\n--x--\r\n"
    answer = client.post("/compare", content=body, headers={"Content-Type": "multipart/form-data; boundary=x"})
    assert answer.status_code == 400
    assert "file name" in answer.json()["error"]["message"]
