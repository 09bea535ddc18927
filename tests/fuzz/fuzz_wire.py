"""From a form to what a socket sends, in good and bad HTTP; and the answer that comes back."""

import http.client
import socket
import time
from collections.abc import Callable
from contextlib import closing, suppress
from dataclasses import dataclass
from random import Random
from typing import Final

from fuzz_forms import Form, broken, damaged, ordinary

LIMIT_S: Final = 5.0
"""How long any answer may take, the sending included."""


@dataclass(frozen=True, slots=True)
class Mutant:
    """A request: `name` says what was done to it, `pieces` are sent one by one.

    `http`: whether it is HTTP at all, so that the service itself answers; `stays`: whether its caller waits for that.
    """

    name: str
    pieces: tuple[bytes, ...]
    http: bool = True
    stays: bool = True


@dataclass(frozen=True, slots=True)
class Answer:
    """What came back."""

    status: int
    content_type: str
    request_id: str | None
    body: bytes
    seconds: float


def mutant(random: Random) -> Mutant:
    """Any mutant: of the photos mostly, else of the form, else of HTTP."""
    kind = random.choices(("photo", "form", "http"), (65, 25, 10))[0]
    if kind == "http":
        return random.choice(TRANSPORTS)(ordinary(random), random)
    form, done = damaged(random) if kind == "photo" else broken(random)
    return Mutant(f"{kind}: {done}", random.choice((whole, whole, chunked))(form, random))


def whole(form: Form, random: Random, length: int | None = None) -> tuple[bytes, ...]:
    """With the length of its body, or with `length`, in up to four pieces."""
    body = form.body()
    return (_head(form, b"Content-Length: %d" % (len(body) if length is None else length)), *_cut(body, random))


def chunked(form: Form, random: Random, end: bytes = b"0\r\n\r\n") -> tuple[bytes, ...]:
    """In up to four chunks."""
    chunks = (b"%x;x=y\r\n%s\r\n" % (len(piece), piece) for piece in _cut(form.body(), random) if piece)
    return (_head(form, b"Transfer-Encoding: chunked"), *chunks, end)


def too_long(form: Form, random: Random) -> Mutant:
    """More is promised than comes: the service must not wait for ever."""
    return Mutant("http: too_long", whole(form, random, len(form.body()) + random.choice((1, 1000, 10**6))))


def far_too_long(form: Form, random: Random) -> Mutant:
    """More is promised than the service takes."""
    return Mutant("http: far_too_long", whole(form, random, random.choice((10**8, 2**63, 10**18))))


def too_short(form: Form, random: Random) -> Mutant:
    """Less is promised than comes: the rest reads like another request, which is none."""
    return Mutant("http: too_short", whole(form, random, random.randrange(len(form.body()))))


def endless(form: Form, random: Random) -> Mutant:
    """Chunks without an end."""
    return Mutant("http: endless", chunked(form, random, end=b""))


def trailers(form: Form, random: Random) -> Mutant:
    """Headers after the last chunk, which is allowed."""
    return Mutant("http: trailers", chunked(form, random, end=b"0\r\nX-Checksum: 1\r\n\r\n"))


def bad_chunks(form: Form, random: Random) -> Mutant:
    """A chunk that is no chunk."""
    pieces = list(chunked(form, random))
    chunks = (b"zz\r\n", b"-1\r\n", b"f" * 22 + b"\r\n", b"5\r\nab")
    pieces[random.randrange(1, len(pieces))] = random.choice(chunks)
    return Mutant("http: bad_chunks", tuple(pieces), http=False)


def bad_head(form: Form, random: Random) -> Mutant:
    """A head that HTTP does not allow."""
    lines = (b"Content-Length: x", b"Content-Length: 5\r\nContent-Length: 6", b"no colon", b"X: \x00", b"\xff: x")
    return Mutant("http: bad_head", (_head(form, random.choice(lines)), form.body()), http=False)


def leaves_early(form: Form, random: Random) -> Mutant:
    """The caller leaves before all is sent."""
    pieces = random.choice((whole, chunked))(form, random)
    return Mutant("http: leaves_early", (*pieces[:-1], pieces[-1][: len(pieces[-1]) // 2]), stays=False)


def leaves(form: Form, random: Random) -> Mutant:
    """The caller leaves before the answer."""
    return Mutant("http: leaves", whole(form, random), stays=False)


TRANSPORTS: Final[tuple[Callable[[Form, Random], Mutant], ...]] = (
    too_long, far_too_long, too_short, endless, trailers, bad_chunks, bad_head, leaves_early, leaves,
)  # fmt: skip


def _head(form: Form, framing: bytes) -> bytes:
    lines = (b"POST /compare HTTP/1.1", b"Host: idiff", b"Content-Type: " + form.declared, *form.headers, framing)
    return b"\r\n".join(lines) + b"\r\n\r\n"


def _cut(body: bytes, random: Random) -> list[bytes]:
    ends = sorted(random.randrange(len(body) + 1) for _ in range(random.randrange(4)))
    return [body[start:end] for start, end in zip([0, *ends], [*ends, len(body)], strict=True)]


def ask(address: tuple[str, int], request: Mutant) -> Answer | None:
    """The answer, None where the caller does not wait for one.

    Raises:
        OSError, http.client.HTTPException: none came, or none in time, or none that is HTTP.
    """
    start = time.monotonic()
    with socket.create_connection(address, timeout=LIMIT_S) as caller:
        with suppress(ConnectionError):  # an early refusal may close while this sends; it can be read all the same
            for piece in request.pieces:
                caller.sendall(piece)
        if not request.stays:
            return None
        with closing(http.client.HTTPResponse(caller, method="POST")) as answer:
            answer.begin()
            body = answer.read()
            told = time.monotonic() - start
            kind = answer.headers.get("Content-Type", "").split(";")[0]
            return Answer(answer.status, kind, answer.headers.get("X-Request-Id"), body, told)
