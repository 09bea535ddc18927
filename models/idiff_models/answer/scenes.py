"""Renditions of one region of one photograph, and their views as the service would make them."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.random import Generator

from idiff.imaging import CROP_SIDE, GLOBAL_SIDE
from idiff.imaging.resize import fit, resize
from idiff.types import Box, Image, Size
from idiff_models.answer.chains import Chain, draw_chain
from idiff_models.answer.degradations import PHOTOMETRIC, degrade
from idiff_models.answer.degradations.light import CODES, per_channel
from idiff_models.answer.degradations.processing import recompress
from idiff_models.answer.photos import load

SMALLEST = 384
"""Shortest side of a region, pixels."""


@dataclass(frozen=True)
class Scene:
    """Views of the renditions of one region, best first: full size, as `idiff.imaging` hands them on."""

    photo: str
    chain: Chain
    global_views: tuple[Image, ...]
    crop_views: tuple[Image, ...]


def _region(photo: Image, rng: Generator) -> Image:
    shrink = rng.uniform(0.5, 1.0) if rng.random() < 0.4 else 1.0
    shrink = max(shrink, min(1.0, SMALLEST / min(photo.shape[:2])))
    most_h, most_w = int(photo.shape[0] * shrink), int(photo.shape[1] * shrink)
    side = np.exp(rng.uniform(np.log(SMALLEST), np.log(GLOBAL_SIDE)))
    aspect = np.exp(rng.uniform(-0.2, 0.2))
    height, width = min(most_h, round(side / aspect)), min(most_w, round(side * aspect))
    source_h, source_w = min(photo.shape[0], round(height / shrink)), min(photo.shape[1], round(width / shrink))
    top = int(rng.integers(photo.shape[0] - source_h + 1))
    left = int(rng.integers(photo.shape[1] - source_w + 1))
    # Even sides, so that the Bayer mosaic and the chroma grid of JPEG fit.
    return resize(photo[top : top + source_h, left : left + source_w], Size(width // 2 * 2, height // 2 * 2)).copy()


def _crop_box(region: Image, rng: Generator) -> Box:
    """The most detailed of four random native windows."""
    height, width = region.shape[:2]
    side = min(CROP_SIDE, height, width)
    corners = np.stack([rng.integers(height - side + 1, size=4), rng.integers(width - side + 1, size=4)], 1)
    quarter = side // 4

    def detail(corner: np.ndarray) -> float:
        middle = region[
            corner[0] + quarter : corner[0] + side - quarter, corner[1] + quarter : corner[1] + side - quarter
        ]
        return float(np.abs(np.diff(middle[::2, ::2, 1].astype(np.int16), axis=1)).mean())

    top, left = max(corners, key=detail)
    return Box(int(left), int(top), side, side)


def _neutral(image: Image, rng: Generator) -> Image:
    """A small difference of exposure and gamma that is nobody's fault, so that brightness alone decides nothing."""
    return per_channel(image, rng.uniform(0.94, 1.06) * CODES ** rng.uniform(0.94, 1.06))


def draw_scene(folder: Path, names: Sequence[str], length: int, seed: Sequence[int]) -> Scene:
    """`length` renditions of a random region of one of `names`, wholly decided by `seed`."""
    rng = np.random.default_rng(list(seed))
    name = names[int(rng.integers(len(names)))]
    region = _region(load(folder / name), rng)
    chain = draw_chain(rng, length)
    box = _crop_box(region, rng)
    shifted = rng.random() < 0.3 and PHOTOMETRIC.isdisjoint(chain.recipes[-1])
    quality = int(rng.integers(86, 99)) if rng.random() < 0.5 and "jpeg" not in chain.recipes[-1] else None
    renditions = []
    for recipe in chain.recipes:
        image = degrade(region, recipe, chain.seed)
        image = _neutral(image, rng) if shifted else image
        renditions.append(image if quality is None else recompress(image, quality))
    size = fit(Size(region.shape[1], region.shape[0]))
    return Scene(
        name,
        chain,
        tuple(resize(image, size) for image in renditions),
        tuple(image[box.y : box.y + box.height, box.x : box.x + box.width] for image in renditions),
    )
