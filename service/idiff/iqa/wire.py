"""What gateway and IQA service say to each other: views in safetensors, lossless, to it; scores in JSON from it."""

from typing import Final, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel
from safetensors import SafetensorError
from safetensors.numpy import load, save

from idiff.errors import IdiffError
from idiff.types import Image, Views

MOST_VIEWS: Final = 16
MOST_SIDE: Final = 4096
MOST_BYTES: Final = 64 * 2**20


class BadViews(IdiffError):
    """A body is not what `pack` makes; the message names the view and the limit."""

    status, code = 422, "bad_views"


class Scored(BaseModel):
    """One metric's scores by view, null for a view that it cannot judge. `version`: of its code and weights."""

    metric: str
    better: Literal["more", "less"]
    licence: str
    version: str
    scores: dict[str, float | None]


class Answer(BaseModel):
    """The answer to POST /score."""

    scored: list[Scored]


class Served(BaseModel):
    """A metric that is served. `version`: of its code and weights."""

    better: Literal["more", "less"]
    version: str
    licence: str


class Missing(BaseModel):
    """A metric that is not, and why. `licence`: None of one that nobody knows."""

    licence: str | None
    reason: str


class Info(BaseModel):
    """The answer to GET /info: every metric that there is or was asked for is served or absent. `loaded`: for good."""

    service: str
    device: str
    loaded: bool
    metrics: dict[str, Served]
    absent: dict[str, Missing]

    @property
    def licences(self) -> dict[str, str]:
        """By metric, of all that are known."""
        absent = {name: one.licence for name, one in self.absent.items() if one.licence}
        return absent | {name: one.licence for name, one in self.metrics.items()}


def pack(views: Views) -> bytes:
    """The four views as a request's body."""
    a, b = views.a, views.b
    pictures = {"global_a": a.global_view, "crop_a": a.crop_view, "global_b": b.global_view, "crop_b": b.crop_view}
    return save({name: np.ascontiguousarray(picture) for name, picture in pictures.items()})


def unpack(body: bytes) -> dict[str, Image]:
    """Views by name, uint8 (height, width, 3).

    Raises:
        BadViews: it holds anything else, or too much.
    """
    try:
        found: dict[str, NDArray[np.uint8]] = load(body)
    except (SafetensorError, ValueError, KeyError, TypeError) as error:
        raise BadViews(f"the body is no safetensors: {error}") from None
    if not 1 <= len(found) <= MOST_VIEWS:
        raise BadViews(f"{len(found)} views; 1 to {MOST_VIEWS} are scored at once")
    for name, view in found.items():
        if view.dtype != np.uint8 or view.ndim != 3 or view.shape[2] != 3:
            raise BadViews(f"{name}: {view.dtype} {view.shape} is not uint8 (height, width, 3)")
        if not 1 <= min(view.shape[:2]) <= max(view.shape[:2]) <= MOST_SIDE:
            raise BadViews(f"{name}: sides of 1 to {MOST_SIDE} pixels are scored, not {view.shape[:2]}")
    return found
