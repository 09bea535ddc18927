"""One request as the pipeline takes it: files by field name, in one of three layouts, and options."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, cast, get_args

from idiff.errors import InvalidOption, MissingField, MixedLayouts, UnknownField
from idiff.schemas import AttributesOption, CategoryOption, MapsOption, RationaleOption

PHOTO_FIELDS: Final = ("image_a", "image_b", "crop_a", "crop_b")
MERGED_FIELDS: Final = ("merged_global", "merged_crop")
OPTIONS: Final[Mapping[str, tuple[str, ...]]] = {
    "category": get_args(CategoryOption),
    "rationale": get_args(RationaleOption),
    "attributes": get_args(AttributesOption),
    "maps": get_args(MapsOption),
}
"""Allowed values by option, the default first."""


@dataclass(frozen=True, slots=True)
class Upload:
    """A valid request: `images` hold the fields of exactly one layout, each with its file's bytes, in the
    order of `PHOTO_FIELDS` or `MERGED_FIELDS`."""

    images: Mapping[str, bytes]
    category: CategoryOption
    rationale: RationaleOption
    attributes: bool
    maps: MapsOption

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
    check_options(options, OPTIONS)
    return Upload(
        {field: images[field] for field in (*PHOTO_FIELDS, *MERGED_FIELDS) if field in images},
        cast("CategoryOption", options.get("category", "auto")),
        cast("RationaleOption", options.get("rationale", "auto")),
        options.get("attributes") == "true",
        cast("MapsOption", options.get("maps", "none")),
    )


def check_options(options: Mapping[str, str], allowed: Mapping[str, tuple[str, ...]]) -> None:
    """Raises `InvalidOption` where one has a value that is not allowed."""
    for name, value in options.items():
        if value not in allowed[name]:
            values = ", ".join(allowed[name])
            raise InvalidOption(f"{name} is {value[:40]!r}; allowed are {values}", field=name, limit=values)


def _required(photos: list[str], merged: list[str]) -> tuple[str, ...]:
    if merged:
        return ("merged_global", *merged)
    return PHOTO_FIELDS if any(field.startswith("crop") for field in photos) else PHOTO_FIELDS[:2]
