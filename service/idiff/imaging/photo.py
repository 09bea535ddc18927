"""A decoded photo as it travels from the decoder to the views."""

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from idiff.imaging.orientation import upright_size
from idiff.types import Image, Notice, Size

Grey = NDArray[np.uint8]
"""A grey picture: uint8, shape (height, width), 0-255."""


@dataclass(frozen=True, slots=True)
class Colour:
    """How stored RGB values are meant: by an ICC profile, else by named primaries and transfer function."""

    profile: bytes | None = None
    primaries: str = "bt709"
    transfer: str = "srgb"


SRGB = Colour()


@dataclass(frozen=True, eq=False)
class Photo:
    """One photo, decoded once.

    `pixels`: uint8 (height, width, 3) RGB, 0-255, as the file stores them: neither rotated nor converted to sRGB.
    `orientation`: EXIF 1-8. `digest`: lowercase hex SHA-256 that names the content. `field`: the form field it came in.
    """

    field: str
    digest: str
    pixels: Image
    orientation: int = 1
    colour: Colour = SRGB
    notices: tuple[Notice, ...] = ()

    @cached_property
    def size(self) -> Size:
        """Size of the upright picture."""
        height, width = self.pixels.shape[:2]
        return upright_size(Size(width, height), self.orientation)
