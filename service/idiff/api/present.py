"""From the pipeline's values to the wire."""

from idiff import __version__, schemas
from idiff.engine import Engine
from idiff.imaging import PREPROCESSING_VERSION
from idiff.pipeline import Judgement, rationale_notices
from idiff.types import Image, Notice, PhotoViews, Rationale, Verdict, Views


def comparison(judgement: Judgement, rationale: Rationale | None, engine: Engine) -> schemas.Comparison:
    """The whole answer; `rationale` None where it was not asked for or is not written yet."""
    return schemas.Comparison(
        id=judgement.id,
        verdict=_verdict(judgement.verdict),
        rationale=schemas.Rationale.model_validate(rationale) if rationale else None,
        features=schemas.Features.model_validate(judgement.features),
        views=_views(judgement.views),
        warnings=warnings(judgement, rationale, engine),
        provenance=schemas.Provenance(
            service=__version__,
            release=engine.ensemble.manifest.version,
            providers=list(engine.ensemble.providers),
            adapter=adapter(rationale, engine),
            preprocessing=PREPROCESSING_VERSION,
        ),
        timings_ms=judgement.clock.milliseconds(),
    )


def done(judgement: Judgement, rationale: Rationale | None, engine: Engine) -> schemas.Done:
    """The last event of a stream."""
    return schemas.Done(
        id=judgement.id,
        warnings=warnings(judgement, rationale, engine),
        adapter=adapter(rationale, engine),
        timings_ms=judgement.clock.milliseconds(),
    )


def adapter(rationale: Rationale | None, engine: Engine) -> str | None:
    """Served name of the adapter that wrote the rationale, if one did."""
    return engine.settings.thinking_model if rationale and rationale.source == "model" else None


def warnings(judgement: Judgement, rationale: Rationale | None, engine: Engine) -> list[schemas.Warning]:
    """All notices of an answer."""
    notices: tuple[Notice, ...] = judgement.notices + rationale_notices(judgement, rationale)
    return [schemas.Warning.model_validate(notice) for notice in notices]


def _verdict(verdict: Verdict) -> schemas.Verdict:
    category = verdict.category
    return schemas.Verdict(
        preferred=verdict.preferred,
        probability_a=verdict.probability_a,
        logit=verdict.logit,
        confidence=verdict.confidence,
        too_close=verdict.too_close,
        category=category.name,
        category_confidence=category.confidence,
        category_source=category.source,
        rule=verdict.rule,
        votes=[schemas.Vote.model_validate(vote) for vote in verdict.votes],
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
