"""Running the service under uvicorn."""

import logging

import uvicorn

from idiff.app import create_app
from idiff.config import Settings


def run(host: str | None, port: int | None) -> None:
    """Serve until SIGTERM or SIGINT. Arguments that are not None win over the environment."""
    given = {name: value for name, value in (("host", host), ("port", port)) if value is not None}
    settings = Settings().model_copy(update=given)
    logging.basicConfig(level=settings.log_level.upper(), format="%(asctime)s %(levelname)s %(name)s %(message)s")
    uvicorn.run(
        create_app(settings),
        host=settings.host,
        port=settings.port,
        log_config=None,
        access_log=False,
        timeout_graceful_shutdown=30,
    )
