"""Sample values and a stand-in for the vLLM server, whose every fault can be chosen, for the tests of the client."""

import asyncio
import json
import threading
from collections.abc import Callable, Coroutine, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import replace
from types import TracebackType
from typing import Any

import numpy as np
from conftest import serve
from fastapi.testclient import TestClient

from idiff.config import Settings
from idiff.thinking.options import ThinkingOptions
from idiff.thinking.prompt import Prompt, build
from idiff.thinking.proof import FORM
from idiff.types import (
    Alignment,
    Category,
    Features,
    PhotoFeatures,
    PhotoViews,
    Side,
    Size,
    Statistics,
    Verdict,
    Views,
    Vote,
)

RATIONALE = (
    "Face Sharpness: Image A (Left) is sharper than Image B (Right).\n"
    "Hair Texture: Image B (Right) is smeared, while Image A (Left) keeps single strands.\n"
    "Background Noise: Both images show a similar, low level of grain.\n"
    "Clothing Artifacts: Image B (Right) has halos along the collar, and Image A (Left) has none.\n"
    "Global Overall: Image A (Left) is preferred for its natural detail."
)

CROP_A = Statistics(
    laplacian=300.0,
    tenengrad=900.0,
    noise_sigma=2.0,
    high_frequency_ratio=0.03,
    edge_density=0.12,
    entropy=7.25,
    under_exposed=0.01,
    over_exposed=0.0,
    colorfulness=41.0,
    brightness=120.0,
)
CROP_B = replace(CROP_A, laplacian=100.0, noise_sigma=3.0, entropy=7.0, under_exposed=0.04, brightness=119.9)
FEATURES = Features(PhotoFeatures(CROP_A, CROP_A), PhotoFeatures(CROP_A, CROP_B))


def mirrored(features: Features) -> Features:
    return Features(features.b, features.a)


def verdict(preferred: Side | None = "A", *, too_close: bool = False, against: int = 0) -> Verdict:
    """A person verdict of five members, of which `against` voted for the other photo."""
    other: Side = "B" if preferred == "A" else "A"
    sides = [other] * against + [preferred] * (5 - against)
    votes = tuple(Vote(f"m{i}", "net", {"A": 0.8, "B": 0.2}.get(s or "", 0.5), s, 1.0) for i, s in enumerate(sides))
    logit = {"A": 1.0, "B": -1.0}.get(preferred or "", 0.0)
    category = Category("person", "given", None)
    return Verdict(preferred, 1 / (1 + np.exp(-logit)), logit, 0.73, too_close, category, "mean", votes)


def views(side: int = 96) -> Views:
    """Four different views of noise."""
    draw = np.random.default_rng(0)
    a, b, c, d = (draw.integers(0, 256, (side, side + 32 * i, 3), np.uint8) for i in range(4))
    alignment = Alignment("identity", np.eye(2, 3), 0, True)
    return Views(PhotoViews(Size(9, 9), a, b, None), PhotoViews(Size(9, 9), c, d, None), "given", alignment, ())


def prompt() -> Prompt:
    return build("person", FEATURES, verdict())


MODELS = json.dumps({"data": [{"id": "rationale"}]})
FORMED = json.dumps(
    {
        "choices": [{"message": {"content": "Violet 777777777777"}}],
        "usage": {"prompt_tokens": 40, "completion_tokens": 7, "prompt_tokens_details": {"cached_tokens": 32}},
    }
)


class FakeVllm:
    """An HTTP server on 127.0.0.1 that answers every POST with `behaviour(writer)`, or with `scoring(writer)` where
    scores are asked for and it is given; the service's check of a server it passes. `async with` yields it."""

    def __init__(self, behaviour: "Behaviour", scoring: "Behaviour | None" = None, port: int = 0) -> None:
        self.behaviour, self.scoring, self.port = behaviour, scoring or behaviour, port
        self.requests: list[dict[str, Any]] = []
        self.headers: list[str] = []
        self.disconnected = asyncio.Event()

    async def __aenter__(self) -> "FakeVllm":
        self._serving: set[asyncio.Task[None]] = set()
        self._server = await asyncio.start_server(self._connected, "127.0.0.1", self.port)
        self.port = self._server.sockets[0].getsockname()[1]
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._server.close()
        await turns_of_the_loop()  # until what was accepted just now is being served
        for task in self._serving:
            task.cancel()
        await asyncio.gather(*self._serving, return_exceptions=True)
        await turns_of_the_loop()  # until sockets that were told to close have

    def options(self, **changes: object) -> ThinkingOptions:
        """Options that lead here, with deadlines short enough for tests."""
        short = ThinkingOptions(f"http://127.0.0.1:{self.port}", deadline_s=5.0, first_token_s=5.0)
        return replace(short, **changes)  # type: ignore[arg-type]

    def _connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """At once, as a task that has not begun when the loop ends would leave its connection open."""
        task = asyncio.create_task(self._serve(reader, writer))
        self._serving.add(task)
        task.add_done_callback(self._serving.discard)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        waits: list[asyncio.Future[Any]] = []
        try:
            head = (await reader.readuntil(b"\r\n\r\n")).decode()
            if head.startswith("GET "):
                await status(200, MODELS)(writer)
                return
            length = int(head.lower().split("content-length:")[1].split("\r\n")[0])
            self.requests.append(json.loads(await reader.readexactly(length)))
            self.headers.append(head)
            form = self.requests[-1].get("structured_outputs", {"regex": ""})["regex"]
            if form == FORM:
                answer = status(200, FORMED)(writer)
            else:
                answer = (self.scoring if form.startswith("\\{") else self.behaviour)(writer)
            waits = [asyncio.ensure_future(one) for one in (answer, reader.read())]
            await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
            if waits[1].done():
                self.disconnected.set()
        except asyncio.IncompleteReadError:
            self.disconnected.set()  # before it had asked
        finally:
            for one in waits:
                one.cancel()
            await asyncio.gather(*waits, return_exceptions=True)
            writer.close()


async def turns_of_the_loop() -> None:
    """More of them than asyncio takes from a connection to its task, and from an end to its socket's."""
    for _ in range(10):
        await asyncio.sleep(0)


Behaviour = Callable[[asyncio.StreamWriter], Coroutine[object, object, None]]


def status(code: int, body: str = "{}") -> Behaviour:
    async def behave(writer: asyncio.StreamWriter) -> None:
        writer.write(f"HTTP/1.1 {code} X\r\ncontent-length: {len(body)}\r\nconnection: close\r\n\r\n{body}".encode())
        await writer.drain()

    return behave


def chunk(text: str | None = None, finish: str | None = None) -> str:
    delta = {} if text is None else {"content": text}
    return json.dumps({"choices": [{"index": 0, "delta": delta, "finish_reason": finish}]})


USAGE = json.dumps(
    {
        "choices": [],
        "usage": {"prompt_tokens": 900, "completion_tokens": 80, "prompt_tokens_details": {"cached_tokens": 576}},
    }
)


async def send(writer: asyncio.StreamWriter, *payloads: str) -> None:
    """Each payload as an event."""
    for payload in payloads:
        writer.write(f"data: {payload}\n\n".encode())
    await writer.drain()


async def head(writer: asyncio.StreamWriter) -> None:
    writer.write(b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\nconnection: close\r\n\r\n")
    await writer.drain()


def streams(*payloads: str, pause: float = 0.0) -> Behaviour:
    """A whole event stream, `pause` seconds between events."""

    async def behave(writer: asyncio.StreamWriter) -> None:
        await head(writer)
        for payload in payloads:
            await send(writer, payload)
            await asyncio.sleep(pause)

    return behave


def complete(text: str = RATIONALE, pause: float = 0.0) -> Behaviour:
    """What vLLM sends for `text`, some words at a time."""
    pieces = [chunk("")] + [chunk(text[i : i + 20]) for i in range(0, len(text), 20)]
    return streams(*pieces, chunk(finish="stop"), USAGE, "[DONE]", pause=pause)


def turns(*behaviours: Behaviour) -> Behaviour:
    """Each request by the next one."""
    left = list(behaviours)

    async def behave(writer: asyncio.StreamWriter) -> None:
        await left.pop(0)(writer)

    return behave


async def hangs(writer: asyncio.StreamWriter) -> None:
    """Takes the request and says nothing."""
    await asyncio.sleep(60)


async def hangs_midway(writer: asyncio.StreamWriter) -> None:
    await head(writer)
    await send(writer, chunk("Face Sharpness: Image A"))
    await asyncio.sleep(60)


async def resets(writer: asyncio.StreamWriter) -> None:
    """Starts a chunked answer and aborts the connection."""
    writer.write(b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n5\r\ndata:\r\n")
    await writer.drain()
    await asyncio.sleep(0.02)
    writer.transport.abort()


STREAM = {"Accept": "text/event-stream"}


@contextmanager
def upstream(
    behaviour: Behaviour,
    scoring: Behaviour | None = None,
    requests: list[dict[str, Any]] | None = None,
    port: int = 0,
) -> Iterator[str]:
    """A fake vLLM in a thread of its own, on any port or on that one; its URL. What it is asked goes to `requests`."""
    started, urls = threading.Event(), []

    async def main() -> None:
        nonlocal loop, over
        loop, over = asyncio.get_running_loop(), asyncio.Event()
        async with FakeVllm(behaviour, scoring, port) as server:
            if requests is not None:
                server.requests = requests
            urls.append(f"http://127.0.0.1:{server.port}")
            started.set()
            await over.wait()

    loop: asyncio.AbstractEventLoop
    over: asyncio.Event
    thread = threading.Thread(target=lambda: asyncio.run(main()))
    thread.start()
    assert started.wait(10)
    try:
        yield urls[0]
    finally:
        loop.call_soon_threadsafe(over.set)
        thread.join(10)


def thinking(url: str, **changes: Any) -> AbstractContextManager[TestClient]:  # noqa: ANN401 - settings
    """A service that asks `url`, for at most a second."""
    return serve(Settings(thinking_url=url, thinking_deadline_s=1.0, lines_min=1, thinking_check_s=0, **changes))


def events(
    client: TestClient,
    files: Mapping[str, bytes] | Sequence[tuple[str, tuple[str, bytes]]],
    path: str = "/compare",
    **options: str,
) -> list[tuple[str, dict[str, Any]]]:
    """The streamed answer's events with their data."""
    with client.stream("POST", path, files=files, data=options, headers=STREAM) as answer:
        blocks = "".join(answer.iter_text()).strip().split("\n\n")
    pairs = (dict(line.split(": ", 1) for line in block.splitlines()) for block in blocks)
    return [(pair["event"], json.loads(pair["data"])) for pair in pairs]
