"""Refusals that reach callers who are still sending: their body is read on for a while before the connection closes."""

import asyncio
from typing import Final

from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

MOST_BYTES: Final = 64 * 2**20
MOST_S: Final = 5.0
"""How much of an unwanted body is read, and for how long: ordinary clients read the answer only when all is sent."""


class Drain:
    """Sends an answer that comes before the end of the body at once, then reads and drops what still comes."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or not _has_body(Headers(scope=scope)):
            await self._app(scope, receive, send)
            return
        ended = False

        async def reading() -> Message:
            nonlocal ended
            message = await receive()
            ended = message["type"] == "http.disconnect" or not message.get("more_body", False)
            return message

        async def drained() -> None:
            dropped = 0
            while not ended and dropped < MOST_BYTES:
                dropped += len((await reading()).get("body", b""))

        async def answering(message: Message) -> None:
            if message["type"] == "http.response.start" and not ended:
                MutableHeaders(scope=message)["Connection"] = "close"  # else the server would read on without end
            last = message["type"] == "http.response.body" and not message.get("more_body", False)
            if not last or ended:
                await send(message)
                return
            # The caller has the whole answer by its Content-Length; the server closes only after the last message.
            await send({**message, "more_body": True})
            try:
                async with asyncio.timeout(MOST_S):
                    await drained()
            except TimeoutError:
                pass
            await send({"type": "http.response.body", "body": b""})

        await self._app(scope, reading, answering)


def _has_body(headers: Headers) -> bool:
    return headers.get("content-length", "0") != "0" or "transfer-encoding" in headers
