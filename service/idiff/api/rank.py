"""POST /rank."""

from contextlib import ExitStack

from fastapi import APIRouter, Request
from fastapi.responses import Response

from idiff.api import present_ranking, problems, stream
from idiff.api.access import allowed
from idiff.api.answering import Stream, Timeout, wants_events, whole
from idiff.api.attendance import attended
from idiff.api.documentation import RANK_FORM
from idiff.api.form import read_rank_upload
from idiff.api.state import service_of
from idiff.deadline import Deadline
from idiff.errors import MixedLayouts
from idiff.ranking import pipeline
from idiff.ranking.schemas import Ranking

router = APIRouter(tags=["ranking"])


STREAM_TEXT = """The same as server-sent events with JSON data, for `Accept: text/event-stream`: `ranking` (a Ranking
whose reason has no rationale yet) as soon as it exists, then `rationale.delta`, `rationale.restart`, `rationale`,
`learned`, `error` and `done` as of POST /compare."""


@router.post(
    "/rank",
    response_model=Ranking,
    summary="2 to 64 photos of the same scene in the order in which a professional would prefer them",
    responses={
        200: {"description": STREAM_TEXT, "content": {"text/event-stream": {"schema": {"type": "string"}}}},
        **problems.responses(400, 401, 408, 413, 415, 422, 429, 500, 503, 504, without=[MixedLayouts]),
    },
    openapi_extra={"requestBody": RANK_FORM},
)
async def rank(request: Request, timeout_ms: Timeout = None) -> Response:
    """Order of a set, from the verdicts on all its pairs.

    Each photo is read once, on one crop that is the same place in all; then every pair is judged. The order does not
    depend on the one in which the photos are sent, equal photos tie exactly, and two photos get the verdict that
    POST /compare gives. The order never waits on the reason's rationale and never fails with it. Photos are named by
    their place among those sent, from 0: `photos[3]` in errors and warnings.
    """
    engine = service_of(request).ready()
    deadline = Deadline.of(timeout_ms, engine.settings.request_timeout_s)
    streamed = wants_events(request)
    with ExitStack() as held:
        held.enter_context(allowed(request))
        async with deadline.kept():
            with engine.admission.uploading(ranking=True):
                upload = await read_rank_upload(request, engine.settings.upload_timeout_s)
            with engine.admission.ranking(len(upload.photos)) as places:
                # As many photos at once as the comparisons whose places it holds would have.
                ranked = await attended(request, pipeline.rank(upload, engine, 2 * places, deadline))
        del upload  # megabytes, while a model may write for seconds
        if streamed:
            first = "ranking", await engine.run(present_ranking.order, ranked)
            return Stream(stream.live(ranked.judgement, engine, first), held.pop_all())
        return whole(await attended(request, present_ranking.concluded(ranked, engine)))
