"""An answer as server-sent events: as it is made, or made before."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import aclosing

from fastapi.sse import format_sse_event
from pydantic import BaseModel

from idiff import charts, explanation, schemas
from idiff.api import present, problems
from idiff.engine import Engine
from idiff.pipeline import Judgement
from idiff.thinking.client import Delta, Restart
from idiff.types import Rationale

Keep = Callable[[schemas.Comparison], None]


async def live(
    judgement: Judgement, engine: Engine, first: tuple[str, BaseModel], keep: Keep | None = None
) -> AsyncIterator[bytes]:
    """The events of an answer that is being made: name and data of the `first`, which is final, then what explains it.
    The whole of a comparison goes to `keep` at the end."""
    yield _event(*first)
    # Milliseconds, where a model may write for seconds: whoever asks for maps has them first.
    if maps := await charts.chart(judgement, engine):
        yield _event("maps", schemas.Maps.model_validate(maps))
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
        if keep:
            keep(present.comparison(judgement, rationale, attributes, learned, maps))
        yield _event("done", present.done(judgement, rationale, attributes, learned, maps))
    finally:
        for task in (rating, learning):
            task.cancel()  # of a caller who left; one that is done stays done


async def replayed(answer: schemas.Comparison) -> AsyncIterator[bytes]:
    """The same events of an answer that is whole."""
    later = {"rationale": None, "attributes": None, "maps": None}
    features = answer.features.model_copy(update={"learned": None})
    yield _event("verdict", answer.model_copy(update=later | {"features": features}))
    if answer.maps:
        yield _event("maps", answer.maps)
    if answer.rationale:
        yield _event("rationale.delta", schemas.RationaleDelta(text=answer.rationale.text))
        yield _event("rationale", answer.rationale)
    if answer.features.learned:
        yield _event("learned", answer.features.learned)
    if answer.attributes:
        yield _event("attributes", answer.attributes)
    end = schemas.Done(
        id=answer.id, warnings=answer.warnings, adapter=answer.provenance.adapter, timings_ms=answer.timings_ms
    )
    yield _event("done", end)


def _event(name: str, data: BaseModel) -> bytes:
    return format_sse_event(event=name, data_str=data.model_dump_json())
