"""Photos of one scene, seen together: how they are aligned, and the region of the same content in all of them."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Self

import numpy as np

from idiff.imaging import align
from idiff.imaging.align import Matrix
from idiff.imaging.crop import CropChooser, Face, Region, centred, middle
from idiff.imaging.photo import Grey, Photo
from idiff.types import Alignment, Box, Image, Size

SAME = Alignment("identity", align.IDENTITY, 0, same_scene=True)
"""Of a photo to itself."""


@dataclass(frozen=True, slots=True, eq=False)
class Seen:
    """What the photos of a scene are compared by, which is all but their full-size pixels.

    `size`: of the upright photo; `grey`: its global view, of `align.to_grey`.
    """

    digest: str
    size: Size
    global_view: Image
    grey: Grey

    @classmethod
    def of(cls, photo: Photo, global_view: Image) -> Self:
        """`photo`, whose pixels it does not keep."""
        return cls(photo.digest, photo.size, global_view, align.to_grey(global_view))


def most_alike(photos: Sequence[Seen]) -> int:
    """The photo that the others look most alike, by thumbnails: what the others are best aligned to."""
    thumbnails = [align.thumbnail(photo.grey) for photo in photos]
    total = np.zeros(len(photos))
    for place, one in enumerate(thumbnails):
        for other in range(place):
            likeness = align.likeness(one, thumbnails[other])
            total[[place, other]] += likeness
    return int(np.argmax(total))


def aligned(first: Seen, second: Seen) -> Alignment:
    """How `first` maps onto `second`, and whether they show the same scene. Tens of milliseconds of CPU."""
    if first.digest == second.digest or np.array_equal(first.grey, second.grey):
        return SAME
    found = align.fit(first.grey, second.grey)
    if found.matrix is None:
        return Alignment("failed", align.IDENTITY, 0, same_scene=found.similar)
    return Alignment("features", found.matrix, found.inliers, same_scene=True)


def between(to_a: Alignment, to_b: Alignment) -> Alignment:
    """How A maps onto B, of two photos that a third was aligned to."""
    known = [one for one in (to_a, to_b) if one.method == "features"]
    if "failed" in (to_a.method, to_b.method):
        return Alignment("failed", align.IDENTITY, 0, to_a.same_scene and to_b.same_scene)
    if not known:
        return SAME
    matrix = align.compose(to_b.matrix, align.invert(to_a.matrix))
    return Alignment("features", matrix, min(one.inliers for one in known), same_scene=True)


def common_region(photos: Sequence[Seen], alignments: Sequence[Alignment], faces: Sequence[Sequence[Box]]) -> Region:
    """Where to cut each photo. `alignments`: of the first photo to every one, its own included; `faces`: in each, best
    first, in pixels of its global view.

    The photos that could be aligned decide. One that could not, but looks like the first, is cut at the same place of
    the whole; one of another scene in its middle, as all are where none could be aligned.
    """
    ratios = [
        max(photo.size.width, photo.size.height) / max(photos[0].size.width, photos[0].size.height)
        if alignment.same_scene
        else 1.0
        for photo, alignment in zip(photos, alignments, strict=True)
    ]
    if all(alignment.method == "failed" for alignment in alignments[1:]):
        return centred([photo.size for photo in photos], ratios)
    known = [place for place, alignment in enumerate(alignments) if alignment.method != "failed"]
    region = _chosen(
        [photos[place] for place in known],
        [alignments[place].matrix for place in known],
        [faces[place] for place in known],
    )
    boxes = dict(zip(known, region.boxes, strict=True))
    for place, photo in enumerate(photos):
        if place not in boxes:
            side = min(photo.size.width, photo.size.height, max(1, round(boxes[0].width * ratios[place])))
            there = alignments[place].same_scene
            boxes[place] = _likewise(boxes[0], photos[0].size, photo.size, side) if there else middle(photo.size, side)
    return replace(region, boxes=tuple(boxes[place] for place in range(len(photos))))


def _chosen(photos: Sequence[Seen], matrices: Sequence[Matrix], faces: Sequence[Sequence[Box]]) -> Region:
    """The same of photos that all could be aligned."""
    chooser = CropChooser([photo.size for photo in photos], matrices)
    face = chooser.face([[_face(box, photo) for box in boxes] for photo, boxes in zip(photos, faces, strict=True)])
    if face is not None:
        return chooser.around(face, "face")
    detail = chooser.detail([photo.grey for photo in photos])
    return chooser.around(chooser.middle(), "centre") if detail is None else chooser.around(detail, "detail")


def _likewise(box: Box, size: Size, other: Size, side: int) -> Box:
    """The square of `side` pixels of a photo of size `other` that lies as `box` does in one of `size`."""
    x, y = (
        min(max(0, round((start + box.width / 2) / extent * theirs - side / 2)), theirs - side)
        for start, extent, theirs in ((box.x, size.width, other.width), (box.y, size.height, other.height))
    )
    return Box(x, y, side, side)


def _face(box: Box, photo: Seen) -> Face:
    """A face of the global view in relative units."""
    height, width = photo.global_view.shape[:2]
    scale = np.array([photo.size.width / width, photo.size.height / height]) / max(photo.size.width, photo.size.height)
    centre = np.array([box.x + box.width / 2, box.y + box.height / 2]) * scale
    return Face(centre, float(np.sqrt(box.width * box.height * scale.prod())))
