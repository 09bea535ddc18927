"""The admin endpoints: an application of their own, for a port that only this machine can reach."""

import time
from pathlib import Path
from typing import Final

from fastapi import APIRouter, FastAPI, Request
from pydantic import BaseModel, Field
from starlette.middleware.trustedhost import TrustedHostMiddleware

from idiff import __version__
from idiff.api.problems import install, responses
from idiff.api.state import Service, service_of
from idiff.middleware import BodyLimit, Observe

MOST_BYTES: Final = 65536

router = APIRouter(prefix="/admin", tags=["admin"])


class Wanted(BaseModel):
    """The release to serve."""

    folder: Path | None = Field(default=None, description="Its folder; what the present one holds now if null.")


class Served(BaseModel):
    """The release that answers."""

    release: str
    folder: Path
    providers: list[str]


class Exchanged(Served):
    """The release that answers from now on, and the one before it: ask for that folder again to go back."""

    before: str
    before_folder: Path
    seconds: float = Field(description="Time to load and warm it.")


def create_admin(service: Service) -> FastAPI:
    """The ASGI application."""
    app = FastAPI(title="iDiff admin", version=__version__, docs_url=None, redoc_url=None)
    app.state.service = service
    app.include_router(router)
    install(app)
    app.add_middleware(BodyLimit, limit=MOST_BYTES)
    app.add_middleware(Observe, service=service)
    # A page in a browser on this machine could reach the port by a name of its own that resolves to loopback.
    app.add_middleware(TrustedHostMiddleware, allowed_hosts=["127.0.0.1", "localhost"])
    return app


@router.get("/release", responses=responses(503))
async def served(request: Request) -> Served:
    """Which release answers."""
    return _served(service_of(request))


@router.post("/release", responses=responses(409, 422, 503))
async def exchange(request: Request, wanted: Wanted) -> Exchanged:
    """Load and warm a release while the present one answers, then switch to it. One that is refused changes nothing."""
    service = service_of(request)
    serving, start = service.ready().serving, time.perf_counter()
    folder = serving.folder
    before = await serving.exchange(wanted.folder)
    return Exchanged(
        **_served(service).model_dump(),
        before=before.manifest.version,
        before_folder=folder,
        seconds=round(time.perf_counter() - start, 3),
    )


def _served(service: Service) -> Served:
    serving = service.ready().serving
    manifest = serving.ensemble.manifest
    return Served(release=manifest.version, folder=serving.folder, providers=list(serving.ensemble.origin.providers))
