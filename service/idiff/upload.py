"""One request as the pipeline takes it: files by field name, in one of three layouts, and options."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, cast, get_args

from idiff.errors import InvalidOption, MissingField, MixedLayouts, UnknownField
from idiff.schemas import AttributesOption, CategoryOption, RationaleOption

PHOTO_FIELDS: Final = ("image_a", "image_b", "crop_a", "crop_b")
MERGED_FIELDS: Final = ("merged_global", "merged_crop")
OPTIONS: Final[Mapping[str, tuple[str, ...]]] = {
    "category": get_args(CategoryOption),
    "rationale": get_args(RationaleOption),
    "attributes": get_args(AttributesOption),
}
"""Allowed values by option, the default first."""


@dataclass(frozen=True, slots=True)
class Upload:
    """A valid request: `images` hold the fields of exactly one layout, each with its file's bytes."""

    images: Mapping[str, bytes]
    category: CategoryOption
    rationale: RationaleOption
    attributes: bool

    @property
    def merged(self) -> bool:
        """Whether left and right come as halves of one picture."""
        return "merged_global" in self.images


def make_upload(images: Mapping[str, bytes], options: Mapping[str, str]) -> Upload:
    """Check layout and options.

    Raises:
        UnknownField, MissingField, MixedLayouts: the files form none of the layouts.
        InvalidOption: an option has a value that is not allowed.
    """
    for field in (*images, *options):
        if field not in (*PHOTO_FIELDS, *MERGED_FIELDS, *OPTIONS):
            known = ", ".join((*PHOTO_FIELDS, *MERGED_FIELDS, *OPTIONS))
            raise UnknownField(f"unknown field {field[:40]!r}; known are {known}", field=field[:40])
    photos, merged = ([f for f in fields if f in images] for fields in (PHOTO_FIELDS, MERGED_FIELDS))
    if photos and merged:
        raise MixedLayouts(f"send either {photos[0]} or {merged[0]}, not both: one layout a request", field=merged[0])
    for field in _required(photos, merged):
        if not images.get(field):
            state = "is empty" if field in images else "is missing"
            raise MissingField(f"{field} {state}: send it as a file of the multipart form", field=field)
    for name, value in options.items():
        if value not in OPTIONS[name]:
            allowed = ", ".join(OPTIONS[name])
            raise InvalidOption(f"{name} is {value[:40]!r}; allowed are {allowed}", field=name, limit=allowed)
    return Upload(
        images,
        cast("CategoryOption", options.get("category", "auto")),
        cast("RationaleOption", options.get("rationale", "auto")),
        options.get("attributes") == "true",
    )


def _required(photos: list[str], merged: list[str]) -> tuple[str, ...]:
    if merged:
        return ("merged_global", *merged)
    return PHOTO_FIELDS if any(field.startswith("crop") for field in photos) else PHOTO_FIELDS[:2]
