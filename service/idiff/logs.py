"""Structured logs: one JSON object a line, with the request it belongs to. No photo, EXIF or rationale is logged."""

import logging
import re
import uuid
from contextvars import ContextVar
from dataclasses import dataclass
from typing import Final, Literal

from pythonjsonlogger.core import RESERVED_ATTRS
from pythonjsonlogger.json import JsonFormatter
from starlette.datastructures import Headers

Format = Literal["json", "text"]

FIELDS: Final = "%(asctime)s %(levelname)s %(name)s %(message)s %(request_id)s %(trace_id)s"
CHATTY: Final = ("PIL", "python_multipart")
"""Loggers that complain of what callers send; they are told in the answer."""
NAMES: Final = {"asctime": "time", "levelname": "level", "name": "logger"}
ID: Final = re.compile(r"[A-Za-z0-9._:/=+-]{1,128}")
TRACEPARENT: Final = re.compile(r"[0-9a-f]{2}-(?!0{32})([0-9a-f]{32})-[0-9a-f]{16}-[0-9a-f]{2}(-.*)?")


@dataclass(frozen=True, slots=True)
class Named:
    """A request's own id, the caller's where it sent a usable one, and its trace's where it belongs to one."""

    request_id: str
    trace_id: str | None


_current: ContextVar[Named | None] = ContextVar("request", default=None)


def begin(headers: Headers, trace_id: str | None = None) -> Named:
    """Name the request of this context: `X-Request-Id`, else a new id; its trace, else that of a W3C `traceparent`."""
    given, trace = headers.get("x-request-id", ""), TRACEPARENT.fullmatch(headers.get("traceparent", ""))
    named = Named(given if ID.fullmatch(given) else uuid.uuid4().hex, trace_id or (trace[1] if trace else None))
    _current.set(named)
    return named


def request_id() -> str | None:
    """The name of this context's request."""
    named = _current.get()
    return named.request_id if named else None


class _Request(logging.Filter):
    """Adds the request to every record that is made for one."""

    def filter(self, record: logging.LogRecord) -> bool:
        named = _current.get()
        record.request_id = named.request_id if named else None
        record.trace_id = named.trace_id if named else None
        return True


def configure(level: str, form: Format) -> None:
    """Send all logs of at least `level` to stderr: `json` for machines, `text` for people."""
    handler = logging.StreamHandler()
    handler.addFilter(_Request())
    plain = logging.Formatter("%(asctime)s %(levelname)s %(name)s %(message)s")
    handler.setFormatter(
        plain
        if form == "text"
        else JsonFormatter(FIELDS, rename_fields=NAMES, reserved_attrs=[*RESERVED_ATTRS, "color_message"])
    )
    logging.basicConfig(level=level.upper(), handlers=[handler], force=True)
    logging.captureWarnings(True)
    for chatty in CHATTY:
        logging.getLogger(chatty).setLevel(logging.CRITICAL)
