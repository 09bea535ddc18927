"""Is it alive, is it ready, what is it, how does it do."""

from typing import Any

from fastapi import APIRouter, Request
from fastapi.responses import Response
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest
from pydantic import BaseModel

from idiff import __version__
from idiff.api.problems import responses
from idiff.api.state import service_of
from idiff.errors import NotReady
from idiff.imaging import CROP_SIDE, GLOBAL_SIDE, PREPROCESSING_VERSION
from idiff.ranking.upload import MOST
from idiff.schemas import ServiceInfo
from idiff.thinking.client import ThinkingModel

MEMBER_FIELDS = {"name", "domain", "backbone", "input_size", "tiles", "precision"}

router = APIRouter(tags=["operations"])


class Status(BaseModel):
    """A probe's answer."""

    status: str


@router.get("/livez", summary="Whether the process answers", responses=responses(503))
async def livez(request: Request) -> Status:
    """The event loop turns, and the models work: no call of theirs hangs, nor do all fail."""
    service_of(request).live()
    return Status(status="live")


@router.get("/readyz", summary="Whether verdicts can be given", responses=responses(503))
async def readyz(request: Request) -> Status:
    """Every session is loaded, on the required provider, warm and working, and the service was not told to end."""
    service = service_of(request)
    if service.draining:
        raise NotReady("the service is shutting down")
    service.ready()
    service.live()
    return Status(status="ready")


@router.get("/metrics", summary="Prometheus metrics", response_class=Response)
async def metrics(request: Request) -> Response:
    """All metrics in Prometheus' text format."""
    service = service_of(request)
    if service.engine:
        for model in service.engine.thinking:
            opened = model.breaker.state == "open"
            service.metrics.circuit_open.labels(model.options.model).set(opened)
        if service.engine.iqa:
            service.metrics.iqa_circuit_open.set(service.engine.iqa.breaker.state == "open")
    return Response(generate_latest(service.metrics.registry), media_type=CONTENT_TYPE_LATEST)


@router.get("/info", summary="Release, providers and limits", responses=responses(503))
async def info(request: Request) -> ServiceInfo:
    """What identifies this service's verdicts."""
    service = service_of(request)
    engine, settings = service.ready(), service.settings
    ensemble = engine.serving.ensemble
    manifest = ensemble.manifest
    return ServiceInfo(
        service=__version__,
        preprocessing=PREPROCESSING_VERSION,
        release=manifest.model_dump(include={"version", "created", "rule", "calibration", "measured"})
        | {"members": [m.model_dump(include=MEMBER_FIELDS) for m in manifest.members]},
        providers=list(ensemble.origin.providers),
        thinking=_adapter(engine.thinking.main) if settings.thinking_url else None,
        thinking_trial=_adapter(engine.thinking.trial) if engine.thinking.trial else None,
        iqa={"circuit": engine.iqa.breaker.state, "licences": engine.iqa.known} if engine.iqa else None,
        limits={
            "max_body_bytes": settings.max_body_bytes,
            "max_pixels": settings.max_pixels,
            "max_photos": MOST,
            "max_uploads": settings.max_uploads,
            "max_in_flight": settings.in_flight,
        },
        views={"global_side": GLOBAL_SIDE, "crop_side": CROP_SIDE},
    )


def _adapter(model: ThinkingModel) -> dict[str, Any]:
    checks = model.proof.findings if model.proof else ()
    return {
        "model": model.options.model,
        "circuit": model.breaker.state,
        "barred": model.barred,
        "checks": [{"check": found.check, "passed": found.passed, "detail": found.detail} for found in checks],
    }
