"""From a photo's views to what encoders take: the pixels, or what a front end makes of them for all who share it."""

from dataclasses import dataclass
from typing import Final

import numpy as np

from idiff.answer.manifest import File, Input
from idiff.answer.release import Release
from idiff.answer.session import Session, Tensor, agree
from idiff.config import Provider
from idiff.imaging.inputs import model_input
from idiff.types import PhotoViews

VIEWS: Final = "views"

Tensors = dict[str, Tensor]
"""What a graph takes, by name."""


@dataclass(frozen=True)
class Reader:
    """One way of reading photos; members that read alike have the same one."""

    kind: Input
    frontend: Session | None

    @property
    def shape(self) -> tuple[int, int, int, int]:
        """Of one photo's views: (1 + tiles, 3, side, side)."""
        return 1 + self.kind.tiles, 3, self.kind.side, self.kind.side

    def __call__(self, photo: PhotoViews) -> Tensors:
        """What an encoder takes of one photo."""
        return self.prepare(model_input(photo.global_view, photo.crop_view, *self.kind)[np.newaxis])

    def prepare(self, views: Tensor) -> Tensors:
        """What an encoder takes of normalised views, float32 (n, 1 + tiles, 3, side, side)."""
        return {VIEWS: views} if self.frontend is None else self.frontend.everything(views=views)


def readers(release: Release, provider: Provider) -> dict[str, Reader]:
    """Every member's reader by its name; every front end is loaded once.

    Raises:
        ReleaseRefused: a front end cannot be loaded on `provider`, or does not take the views that a member reads.
    """
    found: dict[tuple[Input, File | None], Reader] = {}
    for member in release.manifest.members:
        key = member.reads, member.frontend
        if key not in found:
            found[key] = _load(*key, release, provider)
    return {member.name: found[member.reads, member.frontend] for member in release.manifest.members}


def _load(kind: Input, file: File | None, release: Release, provider: Provider) -> Reader:
    if file is None:
        return Reader(kind, None)
    name = f"{release.folder}: {file.path}"
    frontend = Session(name, release.graphs[file.path], provider)
    reader = Reader(kind, frontend)
    agree(name, "input", frontend.inputs, {VIEWS: (None, *reader.shape)})
    return reader
