"""The way one pair takes to its verdict: decode, views, route, align, Answer Model, features."""

import asyncio
import logging
import uuid
from collections.abc import Iterator
from contextlib import AsyncExitStack, contextmanager
from dataclasses import dataclass
from typing import Final

from idiff.answer.ensemble import Origin
from idiff.answer.faces import Face
from idiff.answer.routing import route
from idiff.deadline import Deadline
from idiff.engine import Engine
from idiff.errors import ModelFailed
from idiff.features import measure_photo
from idiff.imaging import views as imaging
from idiff.imaging.decode import decode
from idiff.imaging.photo import Photo
from idiff.schemas import MapsOption, RationaleOption
from idiff.thinking.client import ThinkingModel
from idiff.thinking.messages import Encoded
from idiff.timing import Stopwatch
from idiff.types import Category, Features, Notice, Verdict, Views
from idiff.upload import Upload

log = logging.getLogger(__name__)

NEVER: Final = Deadline()


@dataclass(frozen=True, slots=True)
class Judgement:
    """Everything known when the verdict is final. `wanted`: who is to explain it, by `model`
    where one is; `rated`: whether attributes are to be scored; `deadline`: of all that comes after it;
    `encoded`: the views as it is sent them; `lines`: fewest and most of them where they are measured; `maps`: which
    are to be drawn."""

    id: str
    wanted: RationaleOption
    rated: bool
    views: Views
    origin: Origin
    verdict: Verdict
    features: Features
    notices: tuple[Notice, ...]
    clock: Stopwatch
    model: ThinkingModel
    deadline: Deadline
    encoded: Encoded
    lines: tuple[int, int]
    maps: MapsOption = "none"


async def judge(upload: Upload, engine: Engine, deadline: Deadline = NEVER) -> Judgement:
    """The verdict of a pair and all that led to it. It never waits on the rationale, which has until `deadline`.

    Raises:
        IdiffError: a photo cannot be used.
        ModelFailed: the Answer Model failed.
    """
    clock = Stopwatch(engine.metrics.stage_seconds, engine.tracing)
    with clock.stage("headers"):  # not by the workers: a refusal waits for nobody's pixels
        await engine.inspect((data, field) for field, data in upload.images.items())
    async with AsyncExitStack() as held:
        with clock.stage("queue"):
            await held.enter_async_context(engine.pairs)
        views, category, notices = await _see(upload, engine, clock)
    with clock.stage("answer"), answering():
        ensemble = engine.serving.ensemble
        verdict = await ensemble.judge(views, category, engine.models)
    with clock.stage("features"):
        features = Features(*await asyncio.gather(*(engine.run(measure_photo, photo) for photo in (views.a, views.b))))
    notices += about_vote(verdict)
    name = uuid.uuid4().hex
    judgement = Judgement(
        id=name,
        wanted=upload.rationale,
        rated=upload.attributes,
        views=views,
        origin=ensemble.origin,
        verdict=verdict,
        features=features,
        notices=notices,
        clock=clock,
        model=engine.thinking.of(name),
        deadline=deadline,
        encoded=Encoded(views),
        lines=engine.settings.lines,
        maps=upload.maps,
    )
    engine.metrics.verdict_seconds.observe(clock.seconds)
    engine.metrics.observe_verdict(verdict)
    engine.metrics.observe_features(ensemble.manifest, (features.a, features.b))
    if engine.shadow:
        engine.shadow.see(name, views, verdict)
    announce(judgement, notices, engine)
    return judgement


def about_vote(verdict: Verdict, field: str | None = None) -> tuple[Notice, ...]:
    """What to say where members disagree. `field`: where the verdict stands in the answer, if not by itself."""
    said = "the ensemble's members disagree about the preferred photo"
    return (Notice("split_vote", said, field),) if verdict.split else ()


def announce(judgement: Judgement, notices: tuple[Notice, ...], engine: Engine) -> None:
    """Nothing is silent: each warning of an answer is counted and logged too."""
    for notice in notices:
        engine.metrics.warnings.labels(notice.code).inc()
        log.info("%s: %s: %s", judgement.id, notice.code, notice.message)


@contextmanager
def answering() -> Iterator[None]:
    """Whatever fails within is the Answer Model's fault.

    Raises:
        ModelFailed: something did, and was logged.
    """
    try:
        yield
    except Exception as error:  # ONNX Runtime's exceptions share no public base
        log.exception("the Answer Model failed")
        raise ModelFailed("the Answer Model failed; it was logged") from error


async def _see(upload: Upload, engine: Engine, clock: Stopwatch) -> tuple[Views, Category, tuple[Notice, ...]]:
    """Views and category. Full-size pixels live in this call only."""
    with clock.stage("decode"):
        photos = await _decode(upload, engine)
        left, right = photos[:2]
    with clock.stage("views"):
        global_a, global_b = await asyncio.gather(
            engine.run(imaging.global_view, left), engine.run(imaging.global_view, right)
        )
    with clock.stage("route"):
        faces_a: tuple[Face, ...] = ()
        faces_b: tuple[Face, ...] = ()
        if upload.category == "auto" or (upload.category == "person" and len(photos) == 2):
            faces_a, faces_b = await asyncio.gather(
                engine.run(engine.detector.detect, global_a), engine.run(engine.detector.detect, global_b)
            )
        category = route(faces_a, faces_b, None if upload.category == "auto" else upload.category)
    with clock.stage("align"):
        if len(photos) == 4:
            views = await engine.run(imaging.given_views, left, right, photos[2], photos[3], global_a, global_b)
        else:
            boxes_a, boxes_b = ([face.box for face in faces] for faces in (faces_a, faces_b))
            views = await engine.run(imaging.make_views, left, right, global_a, global_b, boxes_a, boxes_b)
    notices = [notice for photo in photos for notice in photo.notices]
    return views, category, tuple(dict.fromkeys((*notices, *views.notices)))


async def _decode(upload: Upload, engine: Engine) -> list[Photo]:
    """Global A, global B and, where they were sent, crop A and crop B."""
    limit = engine.settings.max_pixels
    jobs = (engine.run(decode, data, field, limit) for field, data in upload.images.items())
    photos: list[Photo] = []
    # All are waited for, so that none is decoded on for nobody and the first field at fault is the one named.
    for outcome in await asyncio.gather(*jobs, return_exceptions=True):
        if isinstance(outcome, BaseException):
            raise outcome
        photos.append(outcome)
    if upload.merged:
        return [half for photo in photos for half in await engine.run(imaging.split, photo)]
    return photos
