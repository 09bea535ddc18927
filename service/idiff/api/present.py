"""From the pipeline's values to the wire."""

import asyncio

from idiff import __version__, schemas
from idiff.charts import chart, chart_notices
from idiff.engine import Engine
from idiff.explanation import attributes_notices, conclude, learn, learned_notices, rate, rationale_notices
from idiff.imaging import PREPROCESSING_VERSION
from idiff.pipeline import Judgement
from idiff.types import Attributes, Image, Learned, Maps, Notice, PhotoViews, Rationale, Verdict, Views


def verdict(judgement: Judgement) -> schemas.Comparison:
    """The answer as far as it is known when the verdict is final."""
    return schemas.Comparison(
        id=judgement.id,
        verdict=decision(judgement.verdict),
        rationale=None,
        features=schemas.Features.model_validate(judgement.features),
        views=_views(judgement.views),
        warnings=warnings(judgement.notices),
        provenance=provenance(judgement),
        timings_ms=judgement.clock.milliseconds(),
    )


async def concluded(judgement: Judgement, engine: Engine) -> schemas.Comparison:
    """The whole answer, when all that explains the verdict is there."""
    learning = asyncio.create_task(learn(judgement, engine))
    told = await asyncio.gather(
        conclude(judgement, engine, learning), rate(judgement, engine), learning, chart(judgement, engine)
    )
    return comparison(judgement, *told)


def comparison(
    judgement: Judgement,
    rationale: Rationale | None,
    attributes: Attributes | None,
    learned: Learned | None,
    maps: Maps | None,
) -> schemas.Comparison:
    """The whole answer."""
    answer, end = verdict(judgement), done(judgement, rationale, attributes, learned, maps)
    answer.features.learned = schemas.Learned.model_validate(learned) if learned else None
    answer.attributes = schemas.Attributes.model_validate(attributes) if attributes else None
    answer.maps = schemas.Maps.model_validate(maps) if maps else None
    answer.rationale = schemas.Rationale.model_validate(rationale) if rationale else None
    answer.provenance.adapter = end.adapter
    answer.warnings, answer.timings_ms = end.warnings, end.timings_ms
    return answer


def done(
    judgement: Judgement,
    rationale: Rationale | None,
    attributes: Attributes | None,
    learned: Learned | None,
    maps: Maps | None = None,
) -> schemas.Done:
    """What rationale, attributes, scores and maps add to the answer beside themselves: the last event of a stream."""
    told = [part.adapter for part in (rationale, attributes) if part and part.adapter]
    return schemas.Done(
        id=judgement.id,
        warnings=warnings(
            judgement.notices
            + rationale_notices(judgement, rationale)
            + attributes_notices(attributes)
            + learned_notices(learned)
            + chart_notices(judgement, maps)
        ),
        adapter=told[0] if told else None,
        timings_ms=judgement.clock.milliseconds(),
    )


def provenance(judgement: Judgement) -> schemas.Provenance:
    """What produced an answer, as far as it is known when the verdict is final."""
    return schemas.Provenance(
        service=__version__,
        release=judgement.origin.version,
        providers=list(judgement.origin.providers),
        adapter=None,
        preprocessing=PREPROCESSING_VERSION,
    )


def warnings(notices: tuple[Notice, ...]) -> list[schemas.Warning]:
    """As the wire shows them."""
    return [schemas.Warning.model_validate(notice) for notice in notices]


def decision(decided: Verdict) -> schemas.Verdict:
    """The ensemble's verdict as the wire shows it."""
    category = decided.category
    return schemas.Verdict(
        preferred=decided.preferred,
        probability_a=decided.probability_a,
        logit=decided.logit,
        confidence=decided.confidence,
        too_close=decided.too_close,
        category=category.name,
        category_confidence=category.confidence,
        category_source=category.source,
        rule=decided.rule,
        votes=[schemas.Vote.model_validate(vote) for vote in decided.votes],
    )


def _views(views: Views) -> schemas.Views:
    alignment = views.alignment
    return schemas.Views(
        a=_photo(views.a),
        b=_photo(views.b),
        crop_method=views.crop_method,
        alignment=schemas.Alignment(
            method=alignment.method, inliers=alignment.inliers, matrix=alignment.matrix.tolist()
        ),
        same_scene=alignment.same_scene,
    )


def _photo(photo: PhotoViews) -> schemas.PhotoViews:
    return schemas.PhotoViews(
        original=schemas.Size.model_validate(photo.original),
        global_size=_size(photo.global_view),
        crop_size=_size(photo.crop_view),
        crop_box=schemas.Box.model_validate(photo.crop_box) if photo.crop_box else None,
    )


def _size(image: Image) -> schemas.Size:
    height, width = image.shape[:2]
    return schemas.Size(width=width, height=height)
