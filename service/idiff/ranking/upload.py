"""One ranking request as its pipeline takes it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final, cast, get_args

from idiff.errors import MissingField, TooManyPhotos, UnknownField
from idiff.ranking.schemas import ReasonOption
from idiff.schemas import CategoryOption
from idiff.upload import check_options

FEWEST: Final = 2
MOST: Final = 64
PHOTOS: Final = "photos"
OPTIONS: Final[Mapping[str, tuple[str, ...]]] = {
    "category": get_args(CategoryOption),
    "rationale": get_args(ReasonOption),
}
"""Allowed values by option, the default first."""


@dataclass(frozen=True, slots=True)
class RankUpload:
    """A valid request: each photo's file, in the order in which they were sent."""

    photos: Sequence[bytes]
    category: CategoryOption
    rationale: ReasonOption


def name_of(photo: int) -> str:
    """What answers and errors call a photo, by its place in the order in which they were sent, from 0."""
    return f"{PHOTOS}[{photo}]"


def make_rank_upload(photos: Sequence[bytes], options: Mapping[str, str]) -> RankUpload:
    """Check number and options.

    Raises:
        MissingField: fewer than two photos, or an empty one.
        TooManyPhotos: more than 64.
        UnknownField, InvalidOption: an option that there is not, or a value that is not allowed.
    """
    for name in options:
        if name not in OPTIONS:
            known = ", ".join((PHOTOS, *OPTIONS))
            raise UnknownField(f"unknown field {name[:40]!r}; known are {known}", field=name[:40])
    if len(photos) > MOST:
        raise TooManyPhotos(f"{len(photos)} photos were sent; at most {MOST} are ranked", field=PHOTOS, limit=MOST)
    for place in range(max(FEWEST, len(photos))):
        if place >= len(photos) or not photos[place]:
            state = "is empty" if place < len(photos) else "is missing"
            hint = f"a ranking takes {FEWEST} to {MOST} photos, in a form each as a file in the field {PHOTOS!r}"
            raise MissingField(f"{name_of(place)} {state}: {hint}", field=name_of(place))
    check_options(options, OPTIONS)
    return RankUpload(
        photos,
        cast("CategoryOption", options.get("category", "auto")),
        cast("ReasonOption", options.get("rationale", "measured")),
    )
