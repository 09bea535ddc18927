"""Running the service under uvicorn."""

import uvicorn

from idiff import logs
from idiff.app import create_app
from idiff.config import Settings
from idiff.keys import KeysRefused


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
    uvicorn.run(
        create_app(settings),
        host=settings.host,
        port=settings.port,
        log_config=None,
        access_log=False,
        timeout_graceful_shutdown=30,
    )
