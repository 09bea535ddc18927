"""The page that people open: static files that ask the same endpoints as everybody else."""

from collections.abc import MutableMapping
from importlib.resources import files
from pathlib import Path
from typing import Final

from fastapi import APIRouter, Request
from fastapi.responses import Response
from starlette.staticfiles import StaticFiles

PAGE: Final = Path(str(files("idiff"))) / "ui"
SAMPLES: Final = Path(str(files("idiff"))) / "samples"

POLICY: Final = "; ".join(
    (
        "default-src 'none'",
        "script-src 'self'",
        "style-src 'self'",
        "img-src 'self' blob: data:",  # the photos that were dropped, and the maps that came back
        "connect-src 'self'",
        "form-action 'self'",
        "base-uri 'none'",
        "frame-ancestors 'none'",
    )
)
HEADERS: Final = {
    "Cache-Control": "no-cache",
    "Content-Security-Policy": POLICY,
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=()",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
}

# Routes, not a mount: metrics count a route by its template.
router = APIRouter(include_in_schema=False)
_page, _samples = StaticFiles(directory=PAGE), StaticFiles(directory=SAMPLES)


@router.api_route("/", methods=["GET", "HEAD"])
async def page(request: Request) -> Response:
    """The page itself."""
    return await _file(_page, "index.html", request.scope)


@router.api_route("/ui/{name}", methods=["GET", "HEAD"])
async def part(request: Request, name: str) -> Response:
    """A style sheet, script or icon of it."""
    return await _file(_page, name, request.scope)


@router.api_route("/ui/sample/{name}", methods=["GET", "HEAD"])
async def sample(request: Request, name: str) -> Response:
    """A photo of the bundled pair."""
    return await _file(_samples, name, request.scope)


async def _file(folder: StaticFiles, name: str, scope: MutableMapping[str, object]) -> Response:
    """With an entity tag, as 304 where the caller has it already; 404 where there is none of that name."""
    answer = await folder.get_response(name, scope)
    answer.headers.update(HEADERS)
    return answer
