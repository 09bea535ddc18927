"""Running the service under uvicorn."""

import uvicorn

from idiff import logs
from idiff.app import create_app
from idiff.config import Settings


def run(host: str | None, port: int | None) -> None:
    """Serve until SIGTERM or SIGINT. Arguments that are not None win over the environment."""
    given = {name: value for name, value in (("host", host), ("port", port)) if value is not None}
    settings = Settings().model_copy(update=given)
    logs.configure(settings.log_level, settings.log_format)
    uvicorn.run(
        create_app(settings),
        host=settings.host,
        port=settings.port,
        log_config=None,
        access_log=False,
        timeout_graceful_shutdown=30,
    )
