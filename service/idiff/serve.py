"""Running the service under uvicorn: signals, the admin port, and an end in order."""

import asyncio
import gc
import logging
import os
import signal
import socket
import time
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Any, Final

import uvicorn

from idiff import logs
from idiff.api.admin import create_admin
from idiff.api.state import Service
from idiff.app import create_app
from idiff.config import Settings
from idiff.errors import IdiffError
from idiff.keys import KeysRefused

log = logging.getLogger(__name__)

TURNS: Final = 6
TURN_S: Final = 0.05
"""A connection is accepted, watched, read and understood in one turn of the loop after the other. A machine may be so
busy that each takes long, therefore turns are counted, not time alone."""


class Server(uvicorn.Server):
    """Ends in order: `/readyz` fails first, after the delay of the settings it stops listening, then it finishes what
    it has accepted. A second signal ends it at once."""

    def __init__(self, config: uvicorn.Config, service: Service) -> None:
        super().__init__(config)
        self._service = service
        self._told_at: float | None = None

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        """Told to end. uvicorn's own notes the signal and raises it again in the end, which is no exit 0."""
        if self._told_at is not None:
            self.should_exit = self.force_exit = True
            return
        self._told_at = time.monotonic()
        self._service.draining = True

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Finish what was accepted: who has connected is accepted before listening ends, and read before any connection
        is closed because nothing has been asked on it."""
        await _turns()
        for server in self.servers:
            server.close()
        await _turns()
        await super().shutdown(sockets)

    async def on_tick(self, counter: int) -> bool:
        """Whether to stop listening; asked ten times a second."""
        delay = self._service.settings.drain_delay_s
        if self._told_at is not None and time.monotonic() - self._told_at >= delay:
            self.should_exit = True
        return await super().on_tick(counter)


class Beside(uvicorn.Server):
    """A server that leaves the signals to another one."""

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        """None."""
        yield


def run(host: str | None, port: int | None) -> None:
    """Serve until SIGTERM or SIGINT. Arguments that are not None win over the environment.

    Raises:
        KeysRefused: the service would be open to anyone, or its file of API keys cannot be used.
    """
    given = {name: value for name, value in (("host", host), ("port", port)) if value is not None}
    settings = Settings().model_copy(update=given)
    if settings.exposed:
        raise KeysRefused(
            f"on {settings.host} anyone could ask: set IDIFF_API_KEYS to a file of keys (`idiff key NAME`), or "
            "IDIFF_ALLOW_ANONYMOUS=true"
        )
    logs.configure(settings.log_level, settings.log_format)
    asyncio.run(_serve(settings))


async def _serve(settings: Settings) -> None:
    app = create_app(settings)
    service: Service = app.state.service
    common: dict[str, Any] = {
        "log_config": None,
        "access_log": False,
        "reset_contextvars": True,  # what uvicorn says of a broken request else names the one before it
        "timeout_graceful_shutdown": settings.drain_timeout_s,
    }
    config = uvicorn.Config(app, settings.host, settings.port, **common)
    async with asyncio.TaskGroup() as group:
        if hasattr(signal, "SIGHUP"):
            loop = asyncio.get_running_loop()
            loop.add_signal_handler(signal.SIGHUP, lambda: group.create_task(_reload(service)))
        group.create_task(_settle(service))
        if settings.admin_port:
            admin = uvicorn.Config(create_admin(service), "127.0.0.1", settings.admin_port, **common)
            group.create_task(Beside(admin).serve())
        await Server(config, service).serve()
        # All is answered. Python would join its threads now, without end where one hangs or loads a release.
        logging.shutdown()
        os._exit(0)


async def _turns() -> None:
    for _ in range(TURNS):
        await asyncio.sleep(TURN_S)


async def _settle(service: Service) -> None:
    """Keep from the garbage collector what has been loaded: it takes 30 ms to look through, and nothing else runs."""
    while service.engine is None:
        await asyncio.sleep(0.1)
    gc.collect()
    gc.freeze()


async def _reload(service: Service) -> None:
    """SIGHUP: what the release's folder holds now; the present release goes on where that cannot be used."""
    try:
        await service.ready().serving.exchange()
    except IdiffError as error:
        log.error("not reloaded: %s", error.message)
    except Exception:
        log.exception("not reloaded")
