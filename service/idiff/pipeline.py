"""The way one pair takes: decode, route, views, Answer Model, verdict; then features, prompt, rationale."""

import asyncio
import logging
import uuid
from collections.abc import AsyncGenerator
from contextlib import AsyncExitStack, aclosing
from dataclasses import dataclass

from idiff.answer.faces import Face
from idiff.answer.routing import route
from idiff.engine import Engine
from idiff.errors import RationaleFailed
from idiff.features import measure_photo
from idiff.imaging import views as imaging
from idiff.imaging.decode import decode
from idiff.imaging.photo import Photo
from idiff.schemas import RationaleOption
from idiff.thinking import grounded, prompt
from idiff.thinking.client import Delta
from idiff.thinking.options import ThinkingUnavailable
from idiff.timing import Stopwatch
from idiff.types import Category, Features, Notice, Rationale, Verdict, Views
from idiff.upload import Upload

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Judgement:
    """Everything known when the verdict is final."""

    id: str
    wanted: RationaleOption
    views: Views
    verdict: Verdict
    features: Features
    notices: tuple[Notice, ...]
    clock: Stopwatch


@dataclass(frozen=True, slots=True)
class Restart:
    """What was streamed of the rationale so far must be dropped."""

    reason: str


Event = Delta | Restart | Rationale


async def judge(upload: Upload, engine: Engine) -> Judgement:
    """The verdict of a pair and all that led to it. It never waits on the rationale.

    Raises:
        IdiffError: a photo cannot be used.
    """
    clock = Stopwatch(engine.metrics)
    async with AsyncExitStack() as held:
        with clock.stage("queue"):
            await held.enter_async_context(engine.pairs)
        views, category, notices = await _see(upload, engine, clock)
    with clock.stage("answer"):
        verdict = await engine.ensemble.judge(views, category, engine.pool)
    with clock.stage("features"):
        features = Features(*await asyncio.gather(*(engine.run(measure_photo, photo) for photo in (views.a, views.b))))
    if verdict.split:
        notices += (Notice("split_vote", "the ensemble's members disagree about the preferred photo"),)
    judgement = Judgement(uuid.uuid4().hex, upload.rationale, views, verdict, features, notices, clock)
    _count(verdict, engine)
    _announce(judgement.id, notices, engine)
    return judgement


async def explain(judgement: Judgement, engine: Engine) -> AsyncGenerator[Event]:
    """The rationale as it is written: pieces of text, then the authoritative whole. Never fails for want of a model."""
    if judgement.wanted == "none":
        return
    with judgement.clock.stage("rationale"):
        reason: str | None = None
        if judgement.wanted != "measured" and engine.settings.thinking_url is None:
            reason = "not_configured"
        elif judgement.wanted != "measured":
            started = False
            try:
                async with aclosing(_think(judgement, engine)) as events:
                    async for event in events:
                        started = True
                        yield event
                return
            except ThinkingUnavailable as unavailable:
                reason = unavailable.reason
                log.warning("%s: the Thinking Model wrote no rationale: %s", judgement.id, unavailable)
            except Exception:  # whatever goes wrong with the model, the measurements can answer
                reason = "internal_error"
                log.exception("%s: the Thinking Model's client failed", judgement.id)
            if started:
                yield Restart(reason)
        rationale = await _measure(judgement, engine, reason)
        for line in rationale.text.splitlines(keepends=True):
            yield Delta(line)
        yield rationale


async def conclude(judgement: Judgement, engine: Engine) -> Rationale | None:
    """The whole rationale; None where none was asked for, or where it failed: a verdict never fails with it."""
    rationale = None
    try:
        async for event in explain(judgement, engine):
            if isinstance(event, Rationale):
                rationale = event
    except RationaleFailed:
        return None
    return rationale


def rationale_notices(judgement: Judgement, rationale: Rationale | None) -> tuple[Notice, ...]:
    """What to say where a model was meant to write the rationale and the measurements did, or where nothing could."""
    if rationale is None:
        failed = Notice("rationale_failed", "the rationale could not be written; the verdict stands", "rationale")
        return () if judgement.wanted == "none" else (failed,)
    if rationale.reason is None:
        return ()
    if rationale.reason == "not_configured" and judgement.wanted == "auto":
        return ()
    message = f"the Thinking Model did not write the rationale ({rationale.reason}); it is measured"
    return (Notice("rationale_fallback", message, "rationale"),)


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
    fields = sorted(upload.images, key=lambda field: ("crop" in field, field))
    jobs = (engine.run(decode, upload.images[field], field, limit) for field in fields)
    photos: list[Photo] = []
    # All are waited for, so that none is decoded on for nobody and the first field at fault is the one named.
    for outcome in await asyncio.gather(*jobs, return_exceptions=True):
        if isinstance(outcome, BaseException):
            raise outcome
        photos.append(outcome)
    if upload.merged:
        return [half for photo in photos for half in await engine.run(imaging.split, photo)]
    return photos


async def _think(judgement: Judgement, engine: Engine) -> AsyncGenerator[Delta | Rationale]:
    verdict, features = judgement.verdict, judgement.features
    question = prompt.build(verdict.category.name, features, verdict, lines=engine.settings.lines)
    async with aclosing(engine.thinking.explain(question, judgement.views)) as events:
        async for event in events:
            if isinstance(event, Rationale):
                _count_rationale(event, engine)
            yield event


async def _measure(judgement: Judgement, engine: Engine, reason: str | None) -> Rationale:
    try:
        rationale = await engine.run(
            grounded.explain, judgement.verdict, judgement.features, judgement.views, reason, engine.settings.lines
        )
    except Exception as error:
        log.exception("%s: no rationale", judgement.id)
        _announce(judgement.id, rationale_notices(judgement, None), engine)
        raise RationaleFailed("the rationale could not be written; the verdict stands", field="rationale") from error
    _count_rationale(rationale, engine)
    _announce(judgement.id, rationale_notices(judgement, rationale), engine)
    return rationale


def _announce(comparison: str, notices: tuple[Notice, ...], engine: Engine) -> None:
    """Nothing is silent: each warning of an answer is counted and logged too."""
    for notice in notices:
        engine.metrics.warnings.labels(notice.code).inc()
        log.info("%s: %s: %s", comparison, notice.code, notice.message)


def _count(verdict: Verdict, engine: Engine) -> None:
    metrics, category = engine.metrics, verdict.category
    metrics.verdicts.labels(category.name, category.source).inc()
    metrics.confidence.labels(category.name).observe(verdict.confidence)
    metrics.too_close.inc(verdict.too_close)
    metrics.split_votes.inc(verdict.split)


def _count_rationale(rationale: Rationale, engine: Engine) -> None:
    metrics = engine.metrics
    metrics.rationales.labels(rationale.source, rationale.reason or "").inc()
    if rationale.grounding is not None:
        metrics.grounding.labels(rationale.source).observe(rationale.grounding)
