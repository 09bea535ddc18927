"""HTTP between the client and the vLLM server: one streamed completion, every failure mapped to a reason."""

from collections.abc import AsyncGenerator
from contextlib import aclosing

import httpx

from idiff.thinking.options import Reason, ThinkingOptions, ThinkingUnavailable
from idiff.thinking.sse import FULL, Chunk, events, read_chunk
from idiff.urls import http_url


def base_url(url: str) -> httpx.URL:
    """`url` as the base of the API, ending in `/v1/`.

    Raises:
        ValueError: it is not an http or https URL with a host.
    """
    return http_url(url.rstrip("/").removesuffix("/v1") + "/v1/", "the Thinking Model")


def http_client(url: str, options: ThinkingOptions) -> httpx.AsyncClient:
    """A client for that server alone: no proxies or credentials from the environment, no redirects, no timeouts of its
    own but for connecting, as the caller keeps the deadline."""
    headers = {"authorization": f"Bearer {options.api_key}"} if options.api_key else {}
    return httpx.AsyncClient(
        base_url=base_url(url),
        headers=headers,
        timeout=httpx.Timeout(None, connect=options.connect_s),
        limits=httpx.Limits(max_connections=None, max_keepalive_connections=options.max_concurrency),
        trust_env=False,
    )


async def completion(http: httpx.AsyncClient, body: bytes) -> AsyncGenerator[Chunk]:
    """Post one request and yield its chunks. Closing this iterator closes the connection, so that vLLM stops.

    Raises:
        ThinkingUnavailable: `busy`, `unreachable`, `upstream_error` or `malformed`.
    """
    try:
        request = http.stream("POST", "chat/completions", content=body, headers={"content-type": "application/json"})
        async with request as response:
            if response.status_code != httpx.codes.OK:
                reason: Reason = "busy" if response.status_code in FULL else "upstream_error"
                raise ThinkingUnavailable(reason, f"status {response.status_code}: {await _beginning(response)}")
            async with aclosing(events(response.aiter_bytes())) as payloads:
                async for data in payloads:
                    yield read_chunk(data)
    except httpx.DecodingError as error:
        raise ThinkingUnavailable("malformed", str(error)) from None
    except httpx.TransportError as error:
        raise ThinkingUnavailable("unreachable", f"{type(error).__name__}: {error}") from None


async def _beginning(response: httpx.Response, size: int = 200) -> str:
    """The first bytes of an error's body, for the log."""
    body = b""
    async for piece in response.aiter_bytes():
        body += piece
        if len(body) >= size:
            break
    return body[:size].decode("utf-8", "replace")
