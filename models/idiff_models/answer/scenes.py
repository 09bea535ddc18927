"""Renditions of one region of one photograph, and their views as the service would make them."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import cv2
import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray

from idiff.imaging import CROP_SIDE, GLOBAL_SIDE
from idiff.imaging.resize import fit, resize
from idiff.types import Box, Image, Size
from idiff_models.answer import photos
from idiff_models.answer.degradations import PHOTOMETRIC, degrade, rendered
from idiff_models.answer.degradations.light import CODES, per_channel
from idiff_models.answer.degradations.processing import recompress
from idiff_models.answer.fidelity import METRICS, losses
from idiff_models.answer.labels import targets
from idiff_models.answer.renditions import Mode, Plan, draw

SMALLEST = 192
"""Shortest side of a region, pixels."""
JUDGED = 384
"""Side of the window that the full-reference metrics see, pixels."""
SHAKE = 6
"""Most pixels between the crops of two renditions, as between two captures."""
SOFT_SOURCES = 0.3
"""Share of regions blurred before anything else: a large sensor's own pixels are soft at 1:1, those of the web are not,
and only on soft ones does faint noise look like detail."""


@dataclass(frozen=True)
class Scene:
    """Views of the renditions of one region: full size, as `idiff.imaging` hands them on.

    `targets`, `weights`: float32 (renditions, renditions), see `labels.targets`.
    """

    photo: str
    plan: Plan
    global_views: tuple[Image, ...]
    crop_views: tuple[Image, ...]
    targets: NDArray[np.float32]
    weights: NDArray[np.float32]


@lru_cache(maxsize=128)
def _load(path: Path) -> Image:
    return photos.load(path)


def _scale(photo: Image, rng: Generator) -> float:
    """Shrunk, as it is, or enlarged: a phone's pixels are softer than those of a picture made for the web."""
    draw = rng.random()
    if draw < 0.3:
        return max(float(rng.uniform(0.4, 1.0)), min(1.0, SMALLEST / min(photo.shape[:2])))
    return 1.0 if draw < 0.6 else float(rng.uniform(1.0, 2.6))


def _region(photo: Image, rng: Generator) -> Image:
    scale = _scale(photo, rng)
    most_h, most_w = int(photo.shape[0] * scale), int(photo.shape[1] * scale)
    side = np.exp(rng.uniform(np.log(SMALLEST), np.log(GLOBAL_SIDE)))
    aspect = np.exp(rng.uniform(-0.25, 0.25))
    height, width = min(most_h, round(side / aspect)), min(most_w, round(side * aspect))
    source_h, source_w = min(photo.shape[0], round(height / scale)), min(photo.shape[1], round(width / scale))
    top = int(rng.integers(photo.shape[0] - source_h + 1))
    left = int(rng.integers(photo.shape[1] - source_w + 1))
    # Even sides, so that the Bayer mosaic and the chroma grid of JPEG fit.
    region = resize(photo[top : top + source_h, left : left + source_w], Size(width // 2 * 2, height // 2 * 2))
    if rng.random() < SOFT_SOURCES:
        sigma = np.exp(rng.uniform(np.log(0.6), np.log(2.2)))
        region = np.asarray(cv2.GaussianBlur(region, (0, 0), sigma), np.uint8)
    return np.ascontiguousarray(region[:, ::-1] if rng.random() < 0.5 else region)


def _crop_box(region: Image, rng: Generator) -> Box:
    """The most detailed of four random native windows, or any: a small or flat photo offers no better one."""
    height, width = region.shape[:2]
    side = min(CROP_SIDE, height, width)
    count = 4 if rng.random() < 0.7 else 1
    corners = np.stack([rng.integers(height - side + 1, size=count), rng.integers(width - side + 1, size=count)], 1)
    quarter = side // 4

    def detail(corner: NDArray[np.int64]) -> float:
        middle = region[
            corner[0] + quarter : corner[0] + side - quarter, corner[1] + quarter : corner[1] + side - quarter
        ]
        return float(np.abs(np.diff(middle[::2, ::2, 1].astype(np.int16), axis=1)).mean())

    top, left = max(corners, key=detail)
    return Box(int(left), int(top), side, side)


def _shaken(box: Box, size: Size, rng: Generator) -> Box:
    def moved(start: int, side: int, most: int) -> int:
        return int(np.clip(start + rng.integers(-SHAKE, SHAKE + 1), 0, most - side))

    x, y = moved(box.x, box.width, size.width), moved(box.y, box.height, size.height)
    return Box(x, y, box.width, box.height)


def _cut(image: Image, box: Box) -> Image:
    return image[box.y : box.y + box.height, box.x : box.x + box.width]


def _neutral(image: Image, rng: Generator) -> Image:
    """A small difference of exposure and gamma that is nobody's fault, so that brightness alone decides nothing."""
    return per_channel(image, rng.uniform(0.92, 1.08) * CODES ** rng.uniform(0.92, 1.08))


def _losses(region: Image, images: Sequence[Image], plan: Plan, box: Box) -> list[NDArray[np.float32]]:
    if plan.mode in ("chain", "equal"):
        return [np.zeros(len(METRICS), np.float32)] * len(images)
    side = min(JUDGED, box.width)
    window = Box(box.x + (box.width - side) // 2, box.y + (box.height - side) // 2, side, side)
    sources = [_cut(rendered(region, rendition.recipe, rendition.seed), window) for rendition in plan.renditions]
    return [losses(source, _cut(image, window)) for source, image in zip(sources, images, strict=True)]


def draw_scene(folder: Path, names: Sequence[str], length: int, seed: Sequence[int], mode: Mode | None = None) -> Scene:
    """`length` renditions of a random region of one of `names`, wholly decided by `seed` (and `mode`)."""
    rng = np.random.default_rng(list(seed))
    name = names[int(rng.integers(len(names)))]
    region = _region(_load(folder / name), rng)
    plan = draw(rng, length, mode)
    box = _crop_box(region, rng)
    images = [degrade(region, rendition.recipe, rendition.seed) for rendition in plan.renditions]
    target, weight = targets(plan, _losses(region, images, plan, box))
    kinds = {kind for rendition in plan.renditions for kind in rendition.recipe}
    if rng.random() < 0.3 and PHOTOMETRIC.isdisjoint(kinds):
        images = [_neutral(image, rng) for image in images]
    if rng.random() < 0.5 and "jpeg" not in kinds:
        quality = int(rng.integers(86, 99))
        images = [recompress(image, quality) for image in images]
    native = Size(region.shape[1], region.shape[0])
    shaken = rng.random() < 0.4
    boxes = [_shaken(box, native, rng) if shaken else box for _ in images]
    return Scene(
        name,
        plan,
        tuple(resize(image, fit(native)) for image in images),
        tuple(_cut(image, place) for image, place in zip(images, boxes, strict=True)),
        target,
        weight,
    )
