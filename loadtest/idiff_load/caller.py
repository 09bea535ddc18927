"""The load's callers: locust's HTTP client, one greenlet a request.

Importing this makes the process's sockets, threads and clocks gevent's: import it in no process that minds.
"""

import json
import time
from collections.abc import Sequence
from typing import Any

from gevent.pool import Pool
from locust import FastHttpUser
from locust.contrib.fasthttp import FastResponse, LocustBadStatusCode
from locust.env import Environment

from idiff_load.arrivals import Arrival
from idiff_load.payloads import Body
from idiff_load.records import Reply


class Caller(FastHttpUser):
    """Every arrival is a caller of its own: a new connection, no waiting for a place in a pool, nothing sent twice."""

    abstract = True
    concurrency = 10_000
    max_retries = 0
    connection_timeout = 75.0  # longer than the service's own limit, so that the service is the one to give up
    network_timeout = 75.0
    default_headers = {"Connection": "close"}  # noqa: RUF012


class Callers:
    """Sends arrivals to `url` and keeps the replies, whose times are on the monotonic clock."""

    def __init__(self, url: str, bodies: Sequence[Body]) -> None:
        environment = Environment(user_classes=[], host=url)
        environment.events.request.add_listener(self._keep)
        self._caller = type("Caller", (Caller,), {"host": url})(environment)
        self._bodies = bodies
        self._pool = Pool()
        self._spawned = 0
        self.replies: list[Reply] = []

    def spawn(self, arrival: Arrival) -> None:
        """Start one request."""
        self._spawned += 1
        self._pool.spawn(self._send, arrival)

    def join(self) -> None:
        """Wait until all that were started have ended.

        Raises:
            RuntimeError: one of them left no reply, without which the figures would be too good.
        """
        self._pool.join(raise_error=True)
        if len(self.replies) != self._spawned:
            raise RuntimeError(f"{self._spawned} requests were started, {len(self.replies)} have a reply")

    def forget(self) -> None:
        """Begin anew, without the replies so far."""
        self._spawned = 0
        self.replies = []

    def _send(self, arrival: Arrival) -> None:
        body = self._bodies[arrival.body]
        context = {"arrival": arrival, "body": body, "sent": time.monotonic()}
        headers = {"Content-Type": body.content_type}
        with self._caller.client.post(
            "/compare", data=body.content, headers=headers, context=context, catch_response=True
        ) as response:
            # locust times from the sending, which would forgive a service or a generator that keeps callers waiting.
            response.request_meta["response_time"] = 1000 * (time.monotonic() - arrival.due)

    def _keep(
        self,
        response: FastResponse,
        response_time: float,
        exception: Exception | None,
        context: dict[str, Any],
        **_: object,
    ) -> None:
        arrival: Arrival = context["arrival"]
        # A body that breaks off is no answer, whatever the status line said.
        whole = exception is None or isinstance(exception, LocustBadStatusCode)
        status = response.status_code if whole else 0
        reply = Reply(
            arrival.phase,
            context["body"].megapixels,
            arrival.due,
            context["sent"],
            arrival.due + response_time / 1000,
            status,
            _code(response.content) if status else type(exception).__name__,
        )
        self.replies.append(reply)


def _code(content: bytes | None) -> str:
    """The error's code, empty where it is none."""
    try:
        answer = json.loads(content or b"")
        return str(answer["error"]["code"]) if "error" in answer else ""
    except (ValueError, KeyError, TypeError):
        return "unreadable"
