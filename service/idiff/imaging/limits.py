"""Which pictures are too large or too small to judge."""

from dataclasses import dataclass

from idiff.errors import AnimationUnsupported, ImageTooSmall, TooManyPixels, UndecodableImage
from idiff.types import Size

MIN_SIDE = 16
"""Shortest side of a picture, pixels."""


@dataclass(frozen=True, slots=True)
class Limits:
    """The bounds of one upload, and the errors that name them. `max_pixels`: largest width times height."""

    field: str
    max_pixels: int

    def check(self, size: Size) -> None:
        """Raises `TooManyPixels` or `ImageTooSmall`."""
        if size.width * size.height > self.max_pixels:
            raise self.too_many_pixels(size)
        if min(size.width, size.height) < MIN_SIDE:
            raise ImageTooSmall(
                f"The picture in '{self.field}' is {size.width} x {size.height} pixels; "
                f"each side needs at least {MIN_SIDE}. Send a larger one.",
                field=self.field,
                limit=MIN_SIDE,
            )

    def too_many_pixels(self, size: Size | None = None) -> TooManyPixels:
        """The error of a picture that declares too many pixels."""
        declared = f"declares {size.width} x {size.height} pixels" if size else "declares too many pixels"
        return TooManyPixels(
            f"The picture in '{self.field}' {declared}; at most {self.max_pixels} in all are accepted. Scale it down.",
            field=self.field,
            limit=self.max_pixels,
        )

    def animation(self) -> AnimationUnsupported:
        """The error of a picture that moves."""
        return AnimationUnsupported(
            f"The picture in '{self.field}' is an animation. Send the one frame to judge.",
            field=self.field,
        )

    def undecodable(self, why: str) -> UndecodableImage:
        """The error of a picture that cannot be decoded."""
        return UndecodableImage(
            f"The picture in '{self.field}' cannot be decoded: {why}. Export or upload it again.", field=self.field
        )
