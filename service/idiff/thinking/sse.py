"""Server-sent events of a streamed chat completion, from bytes to typed chunks."""

from collections.abc import AsyncGenerator, AsyncIterator

from pydantic import BaseModel, ValidationError

from idiff.thinking.options import ThinkingUnavailable

FULL = frozenset({429, 503})
"""Statuses with which vLLM, or what stands before it, says that its queue is full."""

MAX_EVENT_BYTES = 1 << 20
"""An event longer than this is not the protocol."""


class NewText(BaseModel):
    """New text of a chunk."""

    content: str | None = None


class Choice(BaseModel):
    """The completion's part of a chunk; `finish_reason` comes with the last one."""

    delta: NewText = NewText()
    finish_reason: str | None = None


class PromptTokensDetails(BaseModel):
    """How much of the prompt came from the server's prefix cache."""

    cached_tokens: int | None = None


class Usage(BaseModel):
    """Token counts, in the chunk after the last text."""

    prompt_tokens: int = 0
    completion_tokens: int | None = None
    prompt_tokens_details: PromptTokensDetails | None = None


class UpstreamError(BaseModel):
    """What the server says of its failure; `code` is the HTTP status it would have answered with."""

    code: int | str | None = None
    message: str = ""


class Chunk(BaseModel):
    """One event's data. A server that fails, or turns out to be full, after its 200 puts `error` here."""

    choices: list[Choice] = []
    usage: Usage | None = None
    error: UpstreamError | str | None = None


async def events(source: AsyncIterator[bytes]) -> AsyncGenerator[bytes]:
    """The `data:` payloads of an event stream, up to and without `[DONE]`.

    Raises:
        ThinkingUnavailable: `malformed`, if an event is too long.
    """
    pending = b""
    async for piece in source:
        *lines, pending = (pending + piece).split(b"\n")
        if len(pending) > MAX_EVENT_BYTES:
            raise ThinkingUnavailable("malformed", f"an event of more than {MAX_EVENT_BYTES} bytes")
        for line in lines:
            if not line.startswith(b"data:"):
                continue
            data = line[5:].strip()
            if data == b"[DONE]":
                return
            yield data


def read_chunk(data: bytes) -> Chunk:
    """Parse one payload.

    Raises:
        ThinkingUnavailable: `malformed`, if it is no chunk; `busy` or `upstream_error`, if it carries an error.
    """
    try:
        chunk = Chunk.model_validate_json(data)
    except ValidationError as error:
        raise ThinkingUnavailable("malformed", f"not a chunk: {error.errors()[0]['msg']}") from None
    if chunk.error is not None:
        full = isinstance(chunk.error, UpstreamError) and chunk.error.code in FULL
        raise ThinkingUnavailable("busy" if full else "upstream_error", str(chunk.error)[:200])
    return chunk
