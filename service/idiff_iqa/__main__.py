"""`python -m idiff_iqa`."""

import logging

import uvicorn

from idiff_iqa.app import create_app
from idiff_iqa.config import Settings

settings = Settings()
logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(name)s %(message)s")
uvicorn.run(create_app(settings), host=settings.host, port=settings.port, log_config=None, access_log=False)
