"""Which native-resolution region to compare: the same content in both photos, a face if there is one, else detail.

Everything here is in canonical order (the pipeline's A and B sorted by digest), so a swap of the photos mirrors it.
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

_SAME_SCALE = 0.03
_SAME_FACE = 0.3
_STRIDE = 0.25


@dataclass(frozen=True, slots=True)
class Region:
    """Two boxes of the same content in upright original pixels, and the side both views get."""

    first: Box
    second: Box
    side: int
    method: Literal["face", "detail", "centre"]


@dataclass(frozen=True, slots=True, eq=False)
class Face:
    """A face as a square, relative units."""

    centre: Point
    side: float


@dataclass(frozen=True, slots=True)
class Scales:
    """Box sides, original pixels: `first` and `second` cover the same content; `side` is the larger of them."""

    first: int
    second: int

    @property
    def side(self) -> int:
        """Side of both views."""
        return max(self.first, self.second)


def scales(first: Size, second: Size, ratio: float) -> Scales:
    """The largest sides up to `CROP_SIDE` that fit both; `ratio`: pixels of the second per pixel of the first."""
    short_first, short_second = (min(size.width, size.height) for size in (first, second))
    if abs(ratio - 1) < _SAME_SCALE:
        side = min(CROP_SIDE, short_first, short_second)
        return Scales(side, side)
    if ratio < 1:
        side = int(min(CROP_SIDE, short_first, short_second / ratio))
        return Scales(side, min(short_second, max(1, round(side * ratio))))
    side = int(min(CROP_SIDE, short_second, short_first * ratio))
    return Scales(min(short_first, max(1, round(side / ratio))), side)


def centred(first: Size, second: Size, *, same_content: bool) -> Region:
    """The middle of two photos that could not be aligned: sides of the same share of both if they seem to show the same
    content, else of the same number of pixels."""
    ratio = max(second.width, second.height) / max(first.width, first.height) if same_content else 1.0
    sides = scales(first, second, ratio)
    return Region(_middle(first, sides.first), _middle(second, sides.second), sides.side, "centre")


class CropChooser:
    """Places boxes on one aligned pair. `matrix`: similarity from the first to the second photo, relative units."""

    def __init__(self, first: Size, second: Size, matrix: Matrix) -> None:
        self._sizes = first, second
        self._longest = float(max(first.width, first.height)), float(max(second.width, second.height))
        self._matrix, self._inverse = matrix, invert(matrix)
        self._scales = scales(first, second, scale_of(matrix) * self._longest[1] / self._longest[0])

    def around(self, centre: Point, method: Literal["face", "detail", "centre"]) -> Region:
        """The region nearest to `centre` (relative units of the first photo) that lies in both photos."""
        centre = self._inside(0, centre)
        centre = self._inside(0, apply(self._inverse, self._inside(1, apply(self._matrix, centre))))
        first = self._box(0, centre)
        second = self._box(1, apply(self._matrix, self._centre(0, first)))
        return Region(first, second, self._scales.side, method)

    def face(self, faces_first: Sequence[Face], faces_second: Sequence[Face]) -> Point | None:
        """Centre of the best face, relative units of the first photo; None where no face is visible in both.

        `faces_first`, `faces_second`: best first, each in the relative units of its own photo. A face found in both
        photos at the same place beats one found in only one of them.
        """
        own, enlarged = list(faces_first), scale_of(self._inverse)
        other = [Face(apply(self._inverse, face.centre), face.side * enlarged) for face in faces_second]
        pairs = [
            (rank_own + rank_other, rank_own, (mine.centre + theirs.centre) / 2)
            for rank_own, mine in enumerate(own)
            for rank_other, theirs in enumerate(other)
            if _overlap(mine, theirs) > _SAME_FACE
        ]
        if pairs:
            return min(pairs, key=lambda pair: pair[:2])[2]
        single = [
            (rank, -face.side, order, face.centre)
            for order, found in enumerate((own, other))
            for rank, face in enumerate(found)
            if self._shown(face.centre)
        ]
        return min(single, key=lambda face: face[:3])[3] if single else None

    def middle(self) -> Point:
        """The middle of the first photo, relative units."""
        return np.array([self._sizes[0].width, self._sizes[0].height]) / (2 * self._longest[0])

    def detail(self, first: Grey, second: Grey) -> Point | None:
        """Where detail and difference are greatest, relative units of the first photo; None where nothing fits.

        `first`, `second`: greys of `align.to_grey`.
        """
        height, width = first.shape
        window = max(1, round(self._scales.first * max(height, width) / self._longest[0]))
        step = max(1, int(window * _STRIDE))
        xs = np.arange(window / 2, width - window / 2 + 1e-6, step)
        ys = np.arange(window / 2, height - window / 2 + 1e-6, step)
        grid = np.stack(np.meshgrid(xs, ys), axis=-1).reshape(-1, 2)
        centres = grid / max(height, width)
        visible = self._visible(centres)
        if not visible.any():
            return None
        score = detail_score(first, seen_as(first, second, self._matrix), window)
        rows, columns = grid[:, 1].astype(int).clip(0, height - 1), grid[:, 0].astype(int).clip(0, width - 1)
        return np.asarray(centres[int(np.argmax(np.where(visible, score[rows, columns], -1.0)))], np.float64)

    def _side(self, which: int) -> int:
        return self._scales.second if which else self._scales.first

    def _inside(self, which: int, centre: Point) -> Point:
        """The nearest centre whose box lies in the photo."""
        half, size, longest = self._side(which) / 2, self._sizes[which], self._longest[which]
        limits = np.array([size.width - half, size.height - half])
        return np.asarray(np.clip(centre * longest, half, limits) / longest, np.float64)

    def _visible(self, centres: Point) -> NDArray[np.bool_]:
        """Whether the boxes around centres of the first photo, shape (n, 2), lie wholly in both photos."""
        mapped, near = apply(self._matrix, centres), 1 / min(self._longest)
        moved = np.abs(self._inside(0, centres) - centres), np.abs(self._inside(1, mapped) - mapped)
        return np.asarray(np.maximum(*moved).max(axis=1) <= near, bool)

    def _shown(self, centre: Point) -> bool:
        """Whether a point of the first photo lies in both photos."""
        for which, point in enumerate((centre, apply(self._matrix, centre))):
            extent = np.array([self._sizes[which].width, self._sizes[which].height]) / self._longest[which]
            if not ((point >= 0) & (point <= extent)).all():
                return False
        return True

    def _box(self, which: int, centre: Point) -> Box:
        side, size = self._side(which), self._sizes[which]
        corner = np.round(centre * self._longest[which] - side / 2).astype(int)
        x, y = corner.clip(0, [size.width - side, size.height - side])
        return Box(int(x), int(y), side, side)

    def _centre(self, which: int, box: Box) -> Point:
        return np.array([box.x + box.width / 2, box.y + box.height / 2]) / self._longest[which]


def _middle(size: Size, side: int) -> Box:
    return Box((size.width - side) // 2, (size.height - side) // 2, side, side)


def _overlap(first: Face, second: Face) -> float:
    """Intersection over union of two squares."""
    corners = [(face.centre - face.side / 2, face.centre + face.side / 2) for face in (first, second)]
    extent = np.minimum(corners[0][1], corners[1][1]) - np.maximum(corners[0][0], corners[1][0])
    common = float(np.prod(np.maximum(extent, 0)))
    return common / (first.side**2 + second.side**2 - common)
