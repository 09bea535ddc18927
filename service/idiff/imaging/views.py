"""The four views of a pair, cut so that both crops show the same content."""

import hashlib
from collections.abc import Sequence
from dataclasses import replace

from idiff.imaging import align, colour, notices
from idiff.imaging.limits import Limits
from idiff.imaging.orientation import stored_box, upright
from idiff.imaging.photo import Photo
from idiff.imaging.resize import fit, resize
from idiff.imaging.scene import SAME, Seen, aligned, common_region
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
    photos = (photo_b, photo_a) if swapped else (photo_a, photo_b)
    globals_ = (global_b, global_a) if swapped else (global_a, global_b)
    faces = (faces_b, faces_a) if swapped else (faces_a, faces_b)
    seen = [Seen.of(photo, view) for photo, view in zip(photos, globals_, strict=True)]
    alignment = aligned(*seen)
    region = common_region(seen, (SAME, alignment), faces)
    parts = [
        cut(photo, view, box, region.side) for photo, view, box in zip(photos, globals_, region.boxes, strict=True)
    ]
    a, b = reversed(parts) if swapped else parts
    found = [
        *_about_pair(alignment),
        *about_size(photo_a.size, photo_a.field),
        *about_size(photo_b.size, photo_b.field),
    ]
    widths = [box.width for box in region.boxes]
    if widths[0] != widths[1]:
        found.append(notices.resolution_differs(photos[widths[0] > widths[1]].field))
    return Views(a, b, region.method, inverse(alignment) if swapped else alignment, tuple(found))


def cut(photo: Photo, global_view: Image, box: Box, side: int) -> PhotoViews:
    """The views of a photo whose crop is a square box of the upright photo, seen `side` pixels a side."""
    stored = stored_box(box, photo.size, photo.orientation)
    pixels = photo.pixels[stored.y : stored.y + stored.height, stored.x : stored.x + stored.width]
    return PhotoViews(photo.size, global_view, _finish(photo, resize(pixels, Size(side, side))), box)


def given_views(
    photo_a: Photo, photo_b: Photo, crop_a: Photo, crop_b: Photo, global_a: Image, global_b: Image
) -> Views:
    """The four views as the caller sent them; the photos are aligned only to tell whether they show the same scene."""
    swapped = photo_b.digest < photo_a.digest
    seen = Seen.of(photo_a, global_a), Seen.of(photo_b, global_b)
    alignment = aligned(*(reversed(seen) if swapped else seen))
    found = [*about_size(photo_a.size, photo_a.field), *about_size(photo_b.size, photo_b.field)]
    if not alignment.same_scene:
        found.insert(0, notices.not_same_scene())
    return Views(
        PhotoViews(photo_a.size, global_a, global_view(crop_a), None),
        PhotoViews(photo_b.size, global_b, global_view(crop_b), None),
        "given",
        inverse(alignment) if swapped else alignment,
        tuple(found),
    )


def inverse(alignment: Alignment) -> Alignment:
    """Of B to A."""
    return replace(alignment, matrix=align.invert(alignment.matrix)) if alignment.method == "features" else alignment


def about_size(size: Size, field: str) -> list[Notice]:
    """What to say of a small photo."""
    short = min(size.width, size.height)
    return [notices.low_resolution(field, short, _LOW_RESOLUTION)] if short < _LOW_RESOLUTION else []


def _half(photo: Photo, box: Box) -> Photo:
    stored = stored_box(box, photo.size, photo.orientation)
    pixels = photo.pixels[stored.y : stored.y + stored.height, stored.x : stored.x + stored.width]
    digest = hashlib.sha256(repr((photo.orientation, photo.colour, pixels.shape)).encode())
    for row in pixels:
        digest.update(row)
    return replace(photo, digest=digest.hexdigest(), pixels=pixels)


def _finish(photo: Photo, pixels: Image) -> Image:
    return upright(colour.to_srgb(pixels, photo.colour), photo.orientation)


def _about_pair(alignment: Alignment) -> list[Notice]:
    if alignment.method != "failed":
        return []
    return [notices.alignment_failed() if alignment.same_scene else notices.not_same_scene()]
