"""Held-out degraded pairs, made anew from their seeds: the views a served pair would have, and who is the better."""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import count
from pathlib import Path

from idiff.imaging import CROP_SIDE
from idiff.types import Box, CategoryName, PhotoViews, Size
from idiff_models.answer.cache import scene_seed, split_names
from idiff_models.answer.photos import Split
from idiff_models.answer.scenes import Scene, draw_scene

GROUPS = {
    "noise": ("noise", "grain", "smear", "denoised"),
    "focus": ("defocus", "soft", "motion", "fringe"),
    "resolution": ("resample",),
    "restoration": ("restored", "invented"),
    "sharpening": ("sharpen", "ringing"),
    "compression": ("jpeg", "codec", "banding"),
    "tone": ("dark", "bright", "flat", "harsh", "overcooked", "rendered"),
    "colour": ("pale", "vivid", "cast"),
    "trade-off": ("cross",),
    "several": ("several",),
}
"""Kinds of pairs as a photographer would group them."""

CLEAR = 0.2
"""Least distance of a target from one half, for a pair to have a right answer."""
COUNTED = 0.5
"""Least weight of a target for the same."""


@dataclass(frozen=True)
class Sample:
    """One labelled pair. `target`: probability that A is the better."""

    name: str
    photo: str
    category: CategoryName
    kind: str
    a: PhotoViews
    b: PhotoViews
    target: float


def photo_views(scene: Scene, place: int) -> PhotoViews:
    """The views that a rendition of a scene would have as a photo."""
    whole, crop = scene.global_views[place], scene.crop_views[place]
    side = min(CROP_SIDE, *crop.shape[:2])
    return PhotoViews(Size(whole.shape[1], whole.shape[0]), whole, crop, Box(0, 0, side, side))


def _decided(folder: Path, names: list[str], split: Split, index: int, seed: int) -> Scene:
    """The first scene of two renditions, of this number and then of ever new seeds, that has an answer or is equal."""
    for attempt in count():
        scene = draw_scene(folder, names, 2, (*scene_seed(split, index, seed), 2, attempt))
        if scene.plan.mode == "equal":
            return scene
        if scene.weights[0, 1] >= COUNTED and abs(scene.targets[0, 1] - 0.5) >= CLEAR:
            return scene
    raise AssertionError


def draw_samples(
    folder: Path, labels: dict[str, CategoryName], split: Split, span: tuple[int, int], seed: int
) -> Iterator[Sample]:
    """Pairs number `span[0]` up to `span[1]` of a split; the better photo is A in every other one."""
    names = split_names(folder, split)
    for index in range(*span):
        scene = _decided(folder, names, split, index, seed)
        target = float(scene.targets[0, 1])
        # The first rendition of a chain is always the better one: its place must not tell.
        turned = (target > 0.5) != (index % 2 == 0)
        a, b = (1, 0) if turned else (0, 1)
        yield Sample(
            name=f"{split}-{index}",
            photo=scene.photo,
            category=labels[scene.photo],
            kind=scene.plan.kind,
            a=photo_views(scene, a),
            b=photo_views(scene, b),
            target=1 - target if turned else target,
        )
