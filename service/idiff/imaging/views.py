"""The four views of a pair, cut so that both crops show the same content."""

import hashlib
from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from idiff.imaging import align, colour, crop, notices
from idiff.imaging.crop import CropChooser, Face, Region
from idiff.imaging.limits import Limits
from idiff.imaging.orientation import stored_box, upright
from idiff.imaging.photo import Grey, Photo
from idiff.imaging.resize import fit, resize
from idiff.types import Alignment, Box, Image, Notice, PhotoViews, Size, Views

_LOW_RESOLUTION = 256


def split(photo: Photo) -> tuple[Photo, Photo]:
    """Left and right half of a merged picture; of an odd width the centre column belongs to neither.

    The halves share the merged picture's memory. Their digests are of their pixels and colours, so equal halves have
    equal digests. Raises `ImageTooSmall` where a half is too narrow.
    """
    size = photo.size
    width = size.width // 2
    Limits(photo.field, size.width * size.height).check(Size(width, size.height))
    left, right = (_half(photo, Box(x, 0, width, size.height)) for x in (0, size.width - width))
    return left, right


def global_view(photo: Photo) -> Image:
    """The whole photo: upright, sRGB, long side at most `GLOBAL_SIDE`."""
    height, width = photo.pixels.shape[:2]
    return _finish(photo, resize(photo.pixels, fit(Size(width, height))))


def make_views(
    photo_a: Photo,
    photo_b: Photo,
    global_a: Image,
    global_b: Image,
    faces_a: Sequence[Box],
    faces_b: Sequence[Box],
) -> Views:
    """Aligns two whole photos and cuts one region of the same content out of both.

    `global_a`, `global_b`: their global views. `faces_a`, `faces_b`: faces in pixels of the global views, best first.
    """
    swapped = photo_b.digest < photo_a.digest
    first, second = (photo_b, photo_a) if swapped else (photo_a, photo_b)
    globals_ = (global_b, global_a) if swapped else (global_a, global_b)
    faces = (faces_b, faces_a) if swapped else (faces_a, faces_b)
    greys = align.to_grey(globals_[0]), align.to_grey(globals_[1])
    alignment = _align(first, second, *greys)
    region = _region((first, second), globals_, greys, alignment, faces)
    parts = [
        PhotoViews(photo.size, view, _cut(photo, box, region.side), box)
        for photo, view, box in zip((first, second), globals_, (region.first, region.second), strict=True)
    ]
    a, b = reversed(parts) if swapped else parts
    found = [*_about_pair(alignment), *_about_size(photo_a), *_about_size(photo_b)]
    if region.first.width != region.second.width:
        found.append(notices.resolution_differs((second if region.first.width > region.second.width else first).field))
    return Views(a, b, region.method, _inverse(alignment) if swapped else alignment, tuple(found))


def given_views(
    photo_a: Photo, photo_b: Photo, crop_a: Photo, crop_b: Photo, global_a: Image, global_b: Image
) -> Views:
    """The four views as the caller sent them; the photos are aligned only to tell whether they show the same scene."""
    swapped = photo_b.digest < photo_a.digest
    first, second = (photo_b, photo_a) if swapped else (photo_a, photo_b)
    globals_ = (global_b, global_a) if swapped else (global_a, global_b)
    alignment = _align(first, second, align.to_grey(globals_[0]), align.to_grey(globals_[1]))
    found = [*_about_size(photo_a), *_about_size(photo_b)]
    if not alignment.same_scene:
        found.insert(0, notices.not_same_scene())
    return Views(
        PhotoViews(photo_a.size, global_a, global_view(crop_a), None),
        PhotoViews(photo_b.size, global_b, global_view(crop_b), None),
        "given",
        _inverse(alignment) if swapped else alignment,
        tuple(found),
    )


def _half(photo: Photo, box: Box) -> Photo:
    stored = stored_box(box, photo.size, photo.orientation)
    pixels = photo.pixels[stored.y : stored.y + stored.height, stored.x : stored.x + stored.width]
    digest = hashlib.sha256(repr((photo.orientation, photo.colour, pixels.shape)).encode())
    for row in pixels:
        digest.update(row)
    return replace(photo, digest=digest.hexdigest(), pixels=pixels)


def _cut(photo: Photo, box: Box, side: int) -> Image:
    """A square box of the upright photo as an upright sRGB view of `side` pixels a side."""
    stored = stored_box(box, photo.size, photo.orientation)
    pixels = photo.pixels[stored.y : stored.y + stored.height, stored.x : stored.x + stored.width]
    return _finish(photo, resize(pixels, Size(side, side)))


def _finish(photo: Photo, pixels: Image) -> Image:
    return upright(colour.to_srgb(pixels, photo.colour), photo.orientation)


def _align(first: Photo, second: Photo, grey_first: Grey, grey_second: Grey) -> Alignment:
    if first.digest == second.digest or np.array_equal(grey_first, grey_second):
        return Alignment("identity", align.IDENTITY, 0, same_scene=True)
    found = align.fit(grey_first, grey_second)
    if found.matrix is None:
        return Alignment("failed", align.IDENTITY, 0, same_scene=found.similar)
    return Alignment("features", found.matrix, found.inliers, same_scene=True)


def _inverse(alignment: Alignment) -> Alignment:
    return replace(alignment, matrix=align.invert(alignment.matrix)) if alignment.method == "features" else alignment


def _region(
    photos: tuple[Photo, Photo],
    globals_: tuple[Image, Image],
    greys: tuple[Grey, Grey],
    alignment: Alignment,
    faces: tuple[Sequence[Box], Sequence[Box]],
) -> Region:
    sizes = photos[0].size, photos[1].size
    if alignment.method == "failed":
        return crop.centred(*sizes, same_content=alignment.same_scene)
    chooser = CropChooser(*sizes, alignment.matrix)
    found = [
        [_face(box, view, size) for box in boxes] for boxes, view, size in zip(faces, globals_, sizes, strict=True)
    ]
    face = chooser.face(*found)
    if face is not None:
        return chooser.around(face, "face")
    detail = chooser.detail(*greys)
    return chooser.around(chooser.middle(), "centre") if detail is None else chooser.around(detail, "detail")


def _face(box: Box, view: Image, size: Size) -> Face:
    """A face of a global view in the relative units of its photo."""
    height, width = view.shape[:2]
    scale = np.array([size.width / width, size.height / height]) / max(size.width, size.height)
    centre = np.array([box.x + box.width / 2, box.y + box.height / 2]) * scale
    return Face(centre, float(np.sqrt(box.width * box.height * scale.prod())))


def _about_pair(alignment: Alignment) -> list[Notice]:
    if alignment.method != "failed":
        return []
    return [notices.alignment_failed() if alignment.same_scene else notices.not_same_scene()]


def _about_size(photo: Photo) -> list[Notice]:
    short = min(photo.size.width, photo.size.height)
    return [notices.low_resolution(photo.field, short, _LOW_RESOLUTION)] if short < _LOW_RESOLUTION else []
