"""Which native-resolution region to compare: the same content in every photo, a face if there is one, else detail.

Everything here is in canonical order: the first photo is the one that all others are aligned to, the rest are sorted by
digest, so that the order in which a caller sends them changes nothing.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from idiff.imaging import CROP_SIDE
from idiff.imaging.align import Matrix, apply, invert, scale_of
from idiff.imaging.detail import detail_score, seen_as
from idiff.imaging.photo import Grey
from idiff.types import Box, Size

Point = NDArray[np.float64]
Method = Literal["face", "detail", "centre"]

_SAME_SCALE = 0.03
_SAME_FACE = 0.3
_STRIDE = 0.25


@dataclass(frozen=True, slots=True)
class Region:
    """A box of the same content in each photo, upright original pixels, and the side that every view gets."""

    boxes: tuple[Box, ...]
    side: int
    method: Method


@dataclass(frozen=True, slots=True, eq=False)
class Face:
    """A face as a square, relative units."""

    centre: Point
    side: float


def scales(sizes: Sequence[Size], ratios: Sequence[float]) -> tuple[int, ...]:
    """Sides of boxes that cover the same content, original pixels: the largest up to `CROP_SIDE` that fit every photo.

    `ratios`: pixels of each photo per pixel of the first.
    """
    ratios = [1.0 if abs(ratio - 1) < _SAME_SCALE else ratio for ratio in ratios]
    shorts, finest = [min(size.width, size.height) for size in sizes], max(ratios)
    fitting = (
        short if ratio == finest else short * finest / ratio for short, ratio in zip(shorts, ratios, strict=True)
    )
    side = int(min(CROP_SIDE, *fitting))
    return tuple(min(short, max(1, round(side * ratio / finest))) for short, ratio in zip(shorts, ratios, strict=True))


def centred(sizes: Sequence[Size], ratios: Sequence[float]) -> Region:
    """The middles of photos that could not be aligned."""
    sides = scales(sizes, ratios)
    boxes = tuple(middle(size, side) for size, side in zip(sizes, sides, strict=True))
    return Region(boxes, max(sides), "centre")


def middle(size: Size, side: int) -> Box:
    """The square of `side` pixels in the middle of a photo."""
    return Box((size.width - side) // 2, (size.height - side) // 2, side, side)


class CropChooser:
    """Places boxes on aligned photos. `matrices`: similarities from the first photo to each, relative units; its own is
    the identity."""

    def __init__(self, sizes: Sequence[Size], matrices: Sequence[Matrix]) -> None:
        self._sizes = sizes
        self._longest = [float(max(size.width, size.height)) for size in sizes]
        self._matrices, self._inverses = matrices, [invert(matrix) for matrix in matrices]
        ratios = (
            scale_of(matrix) * side / self._longest[0] for matrix, side in zip(matrices, self._longest, strict=True)
        )
        self._sides = scales(sizes, list(ratios))

    def around(self, centre: Point, method: Method) -> Region:
        """The region near `centre` (relative units of the first photo) that lies in every photo, where there is one."""
        centre = self._inside(0, centre)
        for which, matrix in enumerate(self._matrices[1:], 1):
            centre = self._inside(0, apply(self._inverses[which], self._inside(which, apply(matrix, centre))))
        first = self._box(0, centre)
        found = self._centre(0, first)
        others = (self._box(which, apply(matrix, found)) for which, matrix in enumerate(self._matrices[1:], 1))
        return Region((first, *others), max(self._sides), method)

    def face(self, faces: Sequence[Sequence[Face]]) -> Point | None:
        """Centre of the best face, relative units of the first photo; None where no face is visible in all.

        `faces`: of each photo, best first, in its own relative units. A face found at the same place in several photos
        beats one found in fewer.
        """
        seen = [
            [Face(apply(inverse, face.centre), face.side * scale_of(inverse)) for face in found]
            for found, inverse in zip(faces, self._inverses, strict=True)
        ]
        places: list[tuple[tuple[int, int, float], list[Face]]] = []
        for which, own in enumerate(seen):
            others = seen[:which] + seen[which + 1 :]
            for rank, face in enumerate(own):
                alike = _alike(face, others)
                if not alike and not self._shown(face.centre):
                    continue
                ranks = rank + sum(rank for rank, _ in alike)
                # A face that one photo alone shows is the likelier the larger it is.
                order = (-len(alike), ranks, 0.0 if alike else -face.side)
                places.append((order, [face, *(one for _, one in alike)]))
        if not places:
            return None
        best = min(places, key=lambda place: place[0])[1]
        return np.asarray(np.mean([face.centre for face in best], axis=0), np.float64)

    def middle(self) -> Point:
        """The middle of the first photo, relative units."""
        return np.array([self._sizes[0].width, self._sizes[0].height]) / (2 * self._longest[0])

    def detail(self, greys: Sequence[Grey]) -> Point | None:
        """Where detail and difference are greatest, of the places that most photos show; relative units of the first
        photo, None where no other shows any.

        `greys`: of `align.to_grey`.
        """
        height, width = greys[0].shape
        window = max(1, round(self._sides[0] * max(height, width) / self._longest[0]))
        step = max(1, int(window * _STRIDE))
        xs = np.arange(window / 2, width - window / 2 + 1e-6, step)
        ys = np.arange(window / 2, height - window / 2 + 1e-6, step)
        grid = np.stack(np.meshgrid(xs, ys), axis=-1).reshape(-1, 2)
        centres = grid / max(height, width)
        shown = self._showing(centres)
        if shown.max(initial=0) < min(2, len(greys)):
            return None
        aligned = (seen_as(greys[0], grey, matrix) for grey, matrix in zip(greys[1:], self._matrices[1:], strict=True))
        score = detail_score(greys[0], aligned, window)
        rows, columns = grid[:, 1].astype(int).clip(0, height - 1), grid[:, 0].astype(int).clip(0, width - 1)
        best = np.argmax(np.where(shown == shown.max(), score[rows, columns], -1.0))
        return np.asarray(centres[int(best)], np.float64)

    def _inside(self, which: int, centre: Point) -> Point:
        """The nearest centre whose box lies in the photo."""
        half, size, longest = self._sides[which] / 2, self._sizes[which], self._longest[which]
        limits = np.array([size.width - half, size.height - half])
        return np.asarray(np.clip(centre * longest, half, limits) / longest, np.float64)

    def _showing(self, centres: Point) -> NDArray[np.int64]:
        """In how many photos the boxes around centres of the first, shape (n, 2), lie wholly, shape (n)."""
        near, shown = 1 / min(self._longest), np.zeros(len(centres), np.int64)
        for which, matrix in enumerate(self._matrices):
            mapped = apply(matrix, centres)
            shown += np.abs(self._inside(which, mapped) - mapped).max(axis=1) <= near
        return shown

    def _shown(self, centre: Point) -> bool:
        """Whether a point of the first photo lies in every photo."""
        for size, longest, matrix in zip(self._sizes, self._longest, self._matrices, strict=True):
            point, extent = apply(matrix, centre), np.array([size.width, size.height]) / longest
            if not ((point >= 0) & (point <= extent)).all():
                return False
        return True

    def _box(self, which: int, centre: Point) -> Box:
        side, size = self._sides[which], self._sizes[which]
        corner = np.round(centre * self._longest[which] - side / 2).astype(int)
        x, y = corner.clip(0, [size.width - side, size.height - side])
        return Box(int(x), int(y), side, side)

    def _centre(self, which: int, box: Box) -> Point:
        return np.array([box.x + box.width / 2, box.y + box.height / 2]) / self._longest[which]


def _alike(face: Face, others: Sequence[Sequence[Face]]) -> list[tuple[int, Face]]:
    """The best face at the same place, with its rank, in each of the photos that have one."""
    ranked = (((rank, one) for rank, one in enumerate(found) if _overlap(face, one) > _SAME_FACE) for found in others)
    return [best for found in ranked if (best := next(found, None))]


def _overlap(first: Face, second: Face) -> float:
    """Intersection over union of two squares."""
    corners = [(face.centre - face.side / 2, face.centre + face.side / 2) for face in (first, second)]
    extent = np.minimum(corners[0][1], corners[1][1]) - np.maximum(corners[0][0], corners[1][0])
    common = float(np.prod(np.maximum(extent, 0)))
    return common / (first.side**2 + second.side**2 - common)
