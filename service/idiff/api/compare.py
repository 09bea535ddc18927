"""POST /compare."""

from contextlib import ExitStack
from functools import partial

from fastapi import APIRouter, Request
from fastapi.responses import Response

from idiff import pipeline, schemas
from idiff.api import present, problems, stream
from idiff.api.access import allowed
from idiff.api.answering import Stream, Timeout, wants_events, whole
from idiff.api.attendance import attended
from idiff.api.documentation import FORM
from idiff.api.form import read_upload
from idiff.api.state import service_of
from idiff.cache import key_of
from idiff.deadline import Deadline
from idiff.errors import TooManyPhotos

router = APIRouter(tags=["comparison"])


STREAM_TEXT = """The same as server-sent events with JSON data, for `Accept: text/event-stream`: `verdict` (a Comparison
whose rationale is null) as soon as it exists, `maps` (Maps, where asked for), `rationale.delta` {"text"},
`rationale.restart` {"reason"} where what was sent must be dropped, `rationale` (a Rationale, authoritative), `learned`
(scores, where an IQA service is configured), `attributes` (where asked for), `error` where something failed after the
start, and `done` (warnings and timings of the whole)."""


@router.post(
    "/compare",
    response_model=schemas.Comparison,
    summary="Which of two photos of the same scene a professional would prefer, how sure, and why",
    responses={
        200: {"description": STREAM_TEXT, "content": {"text/event-stream": {"schema": {"type": "string"}}}},
        **problems.responses(400, 401, 408, 413, 415, 422, 429, 500, 503, 504, without=[TooManyPhotos]),
    },
    openapi_extra={"requestBody": FORM},
)
async def compare(request: Request, timeout_ms: Timeout = None) -> Response:
    """Verdict and rationale of a pair.

    Swapping the photos negates `verdict.logit` and mirrors everything else. The verdict never waits on the rationale
    and never fails with it. `X-Request-Timeout-Ms` bounds the whole: 504 where there is no verdict in that time, and a
    measured rationale where the Thinking Model would take longer.
    """
    engine = service_of(request).ready()
    settings = engine.settings
    deadline = Deadline.of(timeout_ms, settings.request_timeout_s)
    streamed = wants_events(request)
    with ExitStack() as held:
        held.enter_context(allowed(request))
        async with deadline.kept():
            with engine.admission.uploading():
                upload = await read_upload(request, settings.upload_timeout_s)
            with engine.admission.working():
                release = engine.serving.ensemble.origin.fingerprint
                key = await engine.run(key_of, upload, release) if engine.cache else None
                if key and (kept := engine.cache.get(key)):
                    return Stream(stream.replayed(kept), held.pop_all()) if streamed else whole(kept)
                judgement = await attended(request, pipeline.judge(upload, engine, deadline))
        del upload  # megabytes, while a model may write for seconds
        # Another release may have come between the key and the verdict.
        keep = partial(engine.cache.put, key) if key and judgement.origin.fingerprint == release else None
        if streamed:
            first = "verdict", present.verdict(judgement)
            return Stream(stream.live(judgement, engine, first, keep), held.pop_all())
        answer = await attended(request, present.concluded(judgement, engine))
        if keep:
            keep(answer)
        return whole(answer)
