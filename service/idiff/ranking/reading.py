"""Every photo of a set as the Answer Model reads it, once."""

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from idiff.answer.ensemble import Encoding, Ensemble
from idiff.engine import Engine
from idiff.pipeline import answering
from idiff.ranking.lanes import each
from idiff.ranking.seeing import Look, Scene, cut
from idiff.ranking.upload import RankUpload
from idiff.types import Category, PhotoViews


@dataclass(frozen=True, slots=True, eq=False)
class Read:
    """`views`, and `contents`, which is the same number for photos whose views are equal in every pixel, are by photo;
    `encodings`, of `ensemble`, by content."""

    ensemble: Ensemble
    views: Sequence[PhotoViews]
    contents: Sequence[int]
    encodings: Sequence[Encoding]


async def read(
    upload: RankUpload,
    looks: Sequence[Look],
    scene: Scene,
    category: Category,
    engine: Engine,
    lanes: int,
    progress: Callable[[], None],
) -> Read:
    """Cut each photo and encode it, a picture that was sent more than once only once.

    Raises:
        ModelFailed: the Answer Model failed.
    """
    ensemble = engine.serving.ensemble
    encodings: dict[bytes, Encoding] = {}

    async def one(place: int) -> tuple[bytes, PhotoViews]:
        photo = scene.canonical[place]
        views = await cut(upload, photo, looks[photo].seen, scene, engine)
        content = await engine.run(_digest, views)
        if content not in encodings:
            encodings[content] = ()  # so that nobody else begins with it
            with answering():
                (encodings[content],) = await ensemble.encode([views], category, engine.models)
        progress()
        return content, views

    found = await each(len(looks), lanes, one)
    numbers = {content: number for number, content in enumerate(dict.fromkeys(content for content, _ in found))}
    by_photo = dict(zip(scene.canonical, found, strict=True))
    return Read(
        ensemble,
        [by_photo[photo][1] for photo in range(len(looks))],
        [numbers[by_photo[photo][0]] for photo in range(len(looks))],
        [encodings[content] for content in numbers],
    )


def _digest(views: PhotoViews) -> bytes:
    pixels = hashlib.sha256(repr((views.global_view.shape, views.crop_view.shape)).encode())
    for view in (views.global_view, views.crop_view):
        pixels.update(view.tobytes())
    return pixels.digest()
