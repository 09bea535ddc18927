"""What comparisons and rankings share of the way to ask and to be answered: a deadline, JSON or events."""

from collections.abc import AsyncIterator
from contextlib import ExitStack
from typing import Annotated

from fastapi import Header, Request
from fastapi.responses import Response, StreamingResponse
from pydantic.json_schema import SkipJsonSchema
from starlette.types import Receive, Scope, Send

from idiff.deadline import HEADER, LONGEST_MS
from idiff.ranking.schemas import Ranking
from idiff.schemas import Comparison

Timeout = Annotated[
    str | SkipJsonSchema[None],
    Header(
        alias=HEADER,
        description="Milliseconds for the whole request.",
        json_schema_extra={"type": "integer", "minimum": 1, "maximum": LONGEST_MS},
    ),
]


class Stream(StreamingResponse):
    """Server-sent events; what the request holds, its key's place, is let go of after the last of them."""

    def __init__(self, events: AsyncIterator[bytes], held: ExitStack) -> None:
        headers = {"Cache-Control": "no-store", "X-Accel-Buffering": "no"}
        super().__init__(events, media_type="text/event-stream", headers=headers)
        self._held, self._left, self._sent = held, False, False

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send them."""
        with self._held:
            await super().__call__(scope, receive, send)
        scope["idiff.left"] = self._left and not self._sent

    async def stream_response(self, send: Send) -> None:
        """Send them; a server reports the end of a whole answer as a caller who leaves, too."""
        await super().stream_response(send)
        self._sent = True

    async def listen_for_disconnect(self, receive: Receive) -> None:
        """Wait until the caller leaves."""
        await super().listen_for_disconnect(receive)
        self._left = True


def whole(answer: Comparison | Ranking) -> Response:
    """An answer as JSON."""
    timing = ", ".join(f"{stage};dur={ms}" for stage, ms in answer.timings_ms.items())
    return Response(answer.model_dump_json(), media_type="application/json", headers={"Server-Timing": timing})


def wants_events(request: Request) -> bool:
    """Whether events are what the caller likes best, JSON being what it gets otherwise (RFC 9110, 12.5.1)."""
    quality: dict[str, float] = {}
    for item in request.headers.get("accept", "").lower().split(","):
        kind, *parameters = (part.strip() for part in item.split(";"))
        weights = [part[2:] for part in parameters if part.startswith("q=")]
        quality[kind] = float(weights[0]) if weights and weights[0].replace(".", "", 1).isdecimal() else 1.0
    return quality.get("text/event-stream", 0) > quality.get("application/json", 0)
