"""`python -m idiff_iqa`."""

import logging
import sys

import uvicorn
from pydantic import ValidationError

from idiff_iqa.app import create_app
from idiff_iqa.config import Settings


def main() -> None:
    """Serve until SIGTERM or SIGINT."""
    try:
        settings = Settings()
    except ValidationError as error:
        sys.exit(f"idiff_iqa: {error}")
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(name)s %(message)s")
    uvicorn.run(create_app(settings), host=settings.host, port=settings.port, log_config=None, access_log=False)


if __name__ == "__main__":
    main()
