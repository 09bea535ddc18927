"""The same pair with its photos exchanged, as files."""

import io
from collections.abc import Mapping

import numpy as np
from PIL import Image as Pillow

from idiff.config import Settings
from idiff.imaging.decode import decode
from idiff.imaging.orientation import upright

OTHER = {"image_a": "image_b", "image_b": "image_a", "crop_a": "crop_b", "crop_b": "crop_a"}


def swap(images: Mapping[str, bytes]) -> dict[str, bytes]:
    """Files by form field with A and B exchanged; merged pictures become PNG with their halves exchanged, lossless.

    Raises:
        IdiffError: a merged picture cannot be decoded.
    """
    return {OTHER.get(name, name): data if name in OTHER else _exchange(data, name) for name, data in images.items()}


def _exchange(data: bytes, name: str) -> bytes:
    photo = decode(data, name, Settings().max_pixels)
    pixels = upright(photo.pixels, photo.orientation)
    width = pixels.shape[1]
    half = width // 2  # of an odd width the centre column belongs to neither half and stays
    order = [pixels[:, width - half :], pixels[:, half : width - half], pixels[:, :half]]
    target = io.BytesIO()
    picture = Pillow.fromarray(np.concatenate(order, axis=1))
    picture.save(target, "PNG", compress_level=1, icc_profile=photo.colour.profile)
    return target.getvalue()
