"""From the files of a set to each photo's views, all cut to the same content, without holding many photos' pixels."""

from collections.abc import Sequence
from dataclasses import dataclass

from idiff.answer.faces import Face
from idiff.engine import Engine
from idiff.imaging import notices
from idiff.imaging import views as imaging
from idiff.imaging.crop import Method
from idiff.imaging.decode import decode
from idiff.imaging.scene import SAME, Seen, aligned, common_region, most_alike
from idiff.ranking.lanes import each
from idiff.ranking.upload import RankUpload, name_of
from idiff.types import Alignment, Box, Notice, PhotoViews


@dataclass(frozen=True, slots=True, eq=False)
class Look:
    """One photo as far as it can be seen by itself."""

    seen: Seen
    faces: tuple[Face, ...]
    notices: tuple[Notice, ...]


@dataclass(frozen=True, slots=True, eq=False)
class Scene:
    """All photos together. `canonical`: their numbers in an order that is the same however they were sent, the first
    being the one that all were aligned to. `alignments` of it to each photo, and `boxes`, are by number; `side`: of
    every crop view, pixels."""

    canonical: tuple[int, ...]
    alignments: tuple[Alignment, ...]
    boxes: tuple[Box, ...]
    side: int
    method: Method

    def about(self, photo: int) -> list[Notice]:
        """What to say of a photo beside the others."""
        alignment, field, first = self.alignments[photo], name_of(photo), name_of(self.canonical[0])
        if not alignment.same_scene:
            return [notices.another_scene(field, first)]
        found = [notices.unaligned(field, first)] if alignment.method == "failed" else []
        return found + ([notices.resolution_differs(field)] if self.boxes[photo].width < self.side else [])


async def look(upload: RankUpload, photo: int, engine: Engine) -> Look:
    """Open a photo; its full-size pixels live in this call only.

    Raises:
        IdiffError: it cannot be used.
    """
    async with engine.pairs:
        seen, found = await engine.run(_open, upload.photos[photo], name_of(photo), engine.settings.max_pixels)
    faces = () if upload.category == "scene" else await engine.run(engine.detector.detect, seen.global_view)
    return Look(seen, faces, found)


async def align(looks: Sequence[Look], lanes: int, engine: Engine) -> Scene:
    """Align all photos to the one that most look like, and choose where to cut them."""
    numbers = sorted(range(len(looks)), key=lambda photo: looks[photo].seen.digest)
    first = numbers.pop(await engine.run(most_alike, [looks[photo].seen for photo in numbers]))
    ahead = looks[first].seen
    found = await each(len(numbers), lanes, lambda place: engine.run(aligned, ahead, looks[numbers[place]].seen))
    canonical = (first, *numbers)
    alignments = (SAME, *found)
    seen, faces = zip(
        *((looks[photo].seen, [face.box for face in looks[photo].faces]) for photo in canonical), strict=True
    )
    region = await engine.run(common_region, seen, alignments, faces)
    places = [canonical.index(photo) for photo in range(len(looks))]
    return Scene(
        canonical,
        tuple(alignments[place] for place in places),
        tuple(region.boxes[place] for place in places),
        region.side,
        region.method,
    )


async def cut(upload: RankUpload, photo: int, seen: Seen, scene: Scene, engine: Engine) -> PhotoViews:
    """Open a photo again and cut its crop; its full-size pixels live in this call only."""
    async with engine.pairs:
        return await engine.run(
            _cut, upload.photos[photo], name_of(photo), engine.settings.max_pixels, seen, scene.boxes[photo], scene.side
        )


def _open(data: bytes, field: str, max_pixels: int) -> tuple[Seen, tuple[Notice, ...]]:
    photo = decode(data, field, max_pixels)
    return Seen.of(photo, imaging.global_view(photo)), (*photo.notices, *imaging.about_size(photo.size, field))


def _cut(data: bytes, field: str, max_pixels: int, seen: Seen, box: Box, side: int) -> PhotoViews:
    return imaging.cut(decode(data, field, max_pixels), seen.global_view, box, side)
