"""A streamed answer, from bytes to typed events."""

from collections.abc import Iterator
from typing import Final

import httpx
from pydantic import ValidationError

from idiff.client.answer import unexpected
from idiff.schemas import (
    Attributes,
    Comparison,
    Done,
    ErrorBody,
    Learned,
    Maps,
    Rationale,
    RationaleDelta,
    RationaleRestart,
)

Event = Comparison | Maps | RationaleDelta | RationaleRestart | Rationale | Learned | Attributes | ErrorBody | Done
"""In the order in which they come: first the Comparison, whose rationale and maps are null, last Done. An ErrorBody
says that the rationale failed; the verdict stands."""

SCHEMAS: Final[dict[bytes, type[Event]]] = {
    b"verdict": Comparison,
    b"maps": Maps,
    b"rationale.delta": RationaleDelta,
    b"rationale.restart": RationaleRestart,
    b"rationale": Rationale,
    b"learned": Learned,
    b"attributes": Attributes,
    b"error": ErrorBody,
    b"done": Done,
}


class Decoder:
    """Reads the body of `answer`, which comes in pieces of any size; events of later versions are passed over."""

    def __init__(self, answer: httpx.Response) -> None:
        self._answer = answer
        self._pending = b""
        self._name = b""
        self._done = False

    def feed(self, piece: bytes) -> Iterator[Event]:
        """The events that end in `piece`."""
        # Only LF ends a line: the service sends no CR, and texts may hold what else Python takes for a line's end.
        *lines, self._pending = (self._pending + piece).split(b"\n")
        for line in lines:
            field, _, value = line.partition(b":")
            value = value.removeprefix(b" ")
            if field == b"event":
                self._name = value
            elif field == b"data" and self._name in SCHEMAS:
                yield self._event(value)

    def end(self) -> None:
        """Raises ServiceError where the body ended before the last event."""
        if not self._done:
            raise unexpected(self._answer, "the stream ended before its last event")

    def _event(self, data: bytes) -> Event:
        try:
            event = SCHEMAS[self._name].model_validate_json(data)
        except ValidationError:
            raise unexpected(self._answer, f"an event {self._name.decode()} of another form") from None
        self._done = isinstance(event, Done)
        return event
