"""The way a set of photos takes to its order: look at each, align all, read each once, judge every pair, fit."""

import asyncio
import uuid
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final, Self

from idiff.answer.routing import route_all
from idiff.deadline import Deadline
from idiff.engine import Engine
from idiff.features import measure_photo
from idiff.imaging.scene import between
from idiff.pipeline import NEVER, Judgement, about_vote, announce, answering
from idiff.ranking.lanes import each
from idiff.ranking.order import Order, put_in_order
from idiff.ranking.pairs import Pairs
from idiff.ranking.reading import read
from idiff.ranking.seeing import Look, Scene, align, look
from idiff.ranking.upload import RankUpload, name_of
from idiff.thinking.messages import Encoded
from idiff.timing import Stopwatch
from idiff.types import Box, Features, Notice, PhotoViews, Size, Verdict, Views

LINES: Final = (1, 3)
"""Fewest and most lines of a measured reason, which is read beside a whole order."""

STEPS: Final = 2
"""How often progress is told of each photo."""


@dataclass(frozen=True, slots=True)
class Placed:
    """What is told of a photo's views, without their pixels."""

    original: Size
    global_size: Size
    crop_size: Size
    crop_box: Box | None

    @classmethod
    def of(cls, views: PhotoViews) -> Self:
        """Of `views`."""
        whole, crop = (Size(view.shape[1], view.shape[0]) for view in (views.global_view, views.crop_view))
        return cls(views.original, whole, crop, views.crop_box)


@dataclass(frozen=True, slots=True, eq=False)
class Ranked:
    """Everything known when the order is final. `judgement`: on `winner` as A and `runner_up` as B; its id, clock and
    notices are those of the whole. `photos`: in the order in which they were sent."""

    judgement: Judgement
    winner: int
    runner_up: int
    order: Order
    scene: Scene
    photos: tuple[Placed, ...]


async def rank(
    upload: RankUpload,
    engine: Engine,
    lanes: int,
    deadline: Deadline = NEVER,
    progress: Callable[[], None] = lambda: None,
) -> Ranked:
    """The order of the photos and all that led to it; it never waits for the words of its reason, which have until
    `deadline`. `lanes`: photos worked on at once. `progress` is called `STEPS` times a photo.

    Raises:
        IdiffError: a photo cannot be used.
        ModelFailed: the Answer Model failed.
    """
    clock = Stopwatch(engine.metrics.ranking_stage_seconds, engine.tracing)

    async def one(photo: int) -> Look:
        found = await look(upload, photo, engine)
        progress()
        return found

    with clock.stage("headers"):
        await engine.inspect((data, name_of(photo)) for photo, data in enumerate(upload.photos))
    with clock.stage("look"):
        looks = await each(len(upload.photos), lanes, one)
        category = route_all([found.faces for found in looks], None if upload.category == "auto" else upload.category)
    with clock.stage("align"):
        scene = await align(looks, lanes, engine)
    with clock.stage("read"):
        known = await read(upload, looks, scene, category, engine, lanes, progress)
    with clock.stage("verdicts"):
        with answering():
            pairs = await engine.run(Pairs.of, known.encodings, known.ensemble, category)
        order = await engine.run(_order, pairs, known.contents)
    winner, runner_up = order.best_first[0], _next(order, known.contents)
    with clock.stage("features"):
        both = known.views[winner], known.views[runner_up]
        features = Features(*await asyncio.gather(*(engine.run(measure_photo, views) for views in both)))
    verdict = pairs.verdict(known.contents[winner], known.contents[runner_up])
    views = Views(*both, scene.method, between(scene.alignments[winner], scene.alignments[runner_up]), ())
    notices = (*_about_photos(looks, scene), *about_vote(verdict, "reason"), *_about_winner(verdict))
    name = uuid.uuid4().hex
    judgement = Judgement(
        id=name,
        wanted=upload.rationale,
        rated=False,
        views=views,
        origin=known.ensemble.origin,
        verdict=verdict,
        features=features,
        notices=notices,
        clock=clock,
        model=engine.thinking.of(name),
        deadline=deadline,
        encoded=Encoded(views),
        lines=LINES,
    )
    engine.metrics.observe_ranking(category, len(looks))
    announce(judgement, notices, engine)
    return Ranked(judgement, winner, runner_up, order, scene, tuple(map(Placed.of, known.views)))


def _order(pairs: Pairs, contents: Sequence[int]) -> Order:
    return put_in_order(pairs.logits(), contents, pairs.tie_band)


def _next(order: Order, contents: Sequence[int]) -> int:
    """The best photo that is another picture than the winner, or the second where all are the same."""
    winner, *others = order.best_first
    return next((photo for photo in others if contents[photo] != contents[winner]), others[0])


def _about_photos(looks: Sequence[Look], scene: Scene) -> list[Notice]:
    return [notice for photo, found in enumerate(looks) for notice in (*scene.about(photo), *found.notices)]


def _about_winner(verdict: Verdict) -> list[Notice]:
    said = "the verdict on the two best photos is for the second; verdicts on other pairs put it behind"
    return [Notice("winner_by_others", said, "reason")] if verdict.preferred == "B" else []
