"""POST /compare."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import aclosing
from typing import Annotated, Any

from fastapi import APIRouter, Header, Request
from fastapi.responses import Response, StreamingResponse
from fastapi.sse import format_sse_event
from pydantic import BaseModel

from idiff import explanation, pipeline, schemas
from idiff.api import present, problems
from idiff.api.access import allowed
from idiff.api.attendance import attended
from idiff.api.documentation import FORM
from idiff.api.form import read_upload
from idiff.api.state import service_of
from idiff.deadline import HEADER, LONGEST_MS, Deadline
from idiff.engine import Engine
from idiff.pipeline import Judgement
from idiff.thinking.client import Delta, Restart
from idiff.types import Rationale

TIMEOUT: Any = Header(
    alias=HEADER, description=f"Milliseconds for the whole request, 1 to {LONGEST_MS}.", examples=["2000"]
)

router = APIRouter(tags=["comparison"])

STREAM_TEXT = """The same as server-sent events with JSON data, for `Accept: text/event-stream`: `verdict` (a
Comparison whose rationale is null) as soon as it exists, `rationale.delta` {"text"}, `rationale.restart` {"reason"}
where what was sent must be dropped, `rationale` (a Rationale, authoritative), `learned` (scores, where an IQA service
is configured), `attributes` (where asked for), `error` where something failed after the start, and `done` (warnings and
timings of the whole)."""


@router.post(
    "/compare",
    response_model=schemas.Comparison,
    summary="Which of two photos of the same scene a professional would prefer, how sure, and why",
    responses={
        200: {"description": STREAM_TEXT, "content": {"text/event-stream": {"schema": {"type": "string"}}}},
        **problems.responses(400, 401, 408, 413, 415, 422, 429, 500, 503, 504),
    },
    openapi_extra={"requestBody": FORM},
)
async def compare(request: Request, timeout_ms: Annotated[str | None, TIMEOUT] = None) -> Response:
    """Verdict and rationale of a pair.

    Swapping the photos negates `verdict.logit` and mirrors everything else. The verdict never waits on the rationale
    and never fails with it. `X-Request-Timeout-Ms` bounds the whole: 504 where there is no verdict in that time, and a
    measured rationale where the Thinking Model would take longer.
    """
    engine = service_of(request).ready()
    settings = engine.settings
    deadline = Deadline.of(timeout_ms, settings.request_timeout_s)
    with allowed(request):
        async with deadline.kept(), engine.admitted():
            upload = await read_upload(request, settings.upload_timeout_s)
            judgement = await attended(request, pipeline.judge(upload, engine, deadline))
    if _streamed(request.headers.get("accept", "")):
        headers = {"Cache-Control": "no-store", "X-Accel-Buffering": "no"}
        return StreamingResponse(_events(judgement, engine), media_type="text/event-stream", headers=headers)
    answer = await attended(request, present.concluded(judgement, engine))
    timing = ", ".join(f"{stage};dur={ms}" for stage, ms in answer.timings_ms.items())
    return Response(answer.model_dump_json(), media_type="application/json", headers={"Server-Timing": timing})


async def _events(judgement: Judgement, engine: Engine) -> AsyncIterator[bytes]:
    yield _event("verdict", present.verdict(judgement, engine))
    rationale = None
    rating = asyncio.create_task(explanation.rate(judgement, engine))
    learning = asyncio.create_task(explanation.learn(judgement, engine))
    try:
        try:
            async with aclosing(explanation.explain(judgement, engine, learning)) as events:
                async for event in events:
                    match event:
                        case Delta(text):
                            yield _event("rationale.delta", schemas.RationaleDelta(text=text))
                        case Restart(reason):
                            yield _event("rationale.restart", schemas.RationaleRestart(reason=reason))
                        case Rationale():
                            rationale = event
                            yield _event("rationale", schemas.Rationale.model_validate(event))
        except Exception as error:
            problem = problems.unexpected(error)
            engine.metrics.errors.labels(problem.error.code).inc()
            yield _event("error", problem)
        if learned := await learning:
            yield _event("learned", schemas.Learned.model_validate(learned))
        if attributes := await rating:
            yield _event("attributes", schemas.Attributes.model_validate(attributes))
        yield _event("done", present.done(judgement, rationale, attributes, learned))
    finally:
        for task in (rating, learning):
            task.cancel()  # of a caller who left; one that is done stays done


def _streamed(accept: str) -> bool:
    """Whether events are what the caller likes best, JSON being what it gets otherwise (RFC 9110, 12.5.1)."""
    quality: dict[str, float] = {}
    for item in accept.lower().split(","):
        kind, *parameters = (part.strip() for part in item.split(";"))
        weights = [part[2:] for part in parameters if part.startswith("q=")]
        quality[kind] = float(weights[0]) if weights and weights[0].replace(".", "", 1).isdecimal() else 1.0
    return quality.get("text/event-stream", 0) > quality.get("application/json", 0)


def _event(name: str, data: BaseModel) -> bytes:
    return format_sse_event(event=name, data_str=data.model_dump_json())
