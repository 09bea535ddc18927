"""Clients of the service: `Client`, and `AsyncClient` for asyncio. They need httpx and pydantic, nothing of the server.

`request` builds what is sent, `attempts` says when to send it again, `answer` and `events` read what comes back; the
two clients add only the sending.
"""

from idiff.client.answer import ServiceError
from idiff.client.asynchronous import AsyncClient
from idiff.client.events import Event
from idiff.client.request import CompareOptions, Photo, RankOptions
from idiff.client.synchronous import Client

__all__ = ["AsyncClient", "Client", "CompareOptions", "Event", "Photo", "RankOptions", "ServiceError"]
