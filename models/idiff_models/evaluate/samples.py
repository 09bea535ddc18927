"""Held-out pairs, made anew from their seeds: the views a served pair would have, and which photo is the better."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from idiff.imaging import CROP_SIDE
from idiff.types import Box, CategoryName, PhotoViews, Side, Size
from idiff_models.answer.cache import scene_seed, split_names
from idiff_models.answer.photos import Split
from idiff_models.answer.scenes import Scene, draw_scene


@dataclass(frozen=True)
class Sample:
    """One labelled pair."""

    photo: str
    category: CategoryName
    kind: str
    a: PhotoViews
    b: PhotoViews
    better: Side


def _views(scene: Scene, place: int) -> PhotoViews:
    whole, crop = scene.global_views[place], scene.crop_views[place]
    side = min(CROP_SIDE, *crop.shape[:2])
    return PhotoViews(Size(whole.shape[1], whole.shape[0]), whole, crop, Box(0, 0, side, side))


def draw_samples(
    folder: Path, labels: dict[str, CategoryName], split: Split, span: tuple[int, int], seed: int
) -> Iterator[Sample]:
    """Pairs number `span[0]` up to `span[1]` of a split; the better photo is A in every other one."""
    names = split_names(folder, split)
    for index in range(*span):
        scene = draw_scene(folder, names, 2, scene_seed(split, index, seed))
        better, worse = _views(scene, 0), _views(scene, 1)
        first = index % 2 == 0
        yield Sample(
            photo=scene.photo,
            category=labels[scene.photo],
            kind=scene.chain.kind,
            a=better if first else worse,
            b=worse if first else better,
            better="A" if first else "B",
        )
