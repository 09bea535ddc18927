"""From an upload's bytes to a `Photo`: every check that the header allows comes before the first pixel is decoded."""

import hashlib
import logging
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import replace

from PIL import Image as Pillow

from idiff.errors import IdiffError
from idiff.imaging.decode_jpeg import decode_jpeg, inspect_jpeg
from idiff.imaging.decode_other import decode_other, inspect_other
from idiff.imaging.limits import Limits
from idiff.imaging.photo import Photo
from idiff.imaging.sniff import sniff

log = logging.getLogger(__name__)


def inspect_all(pictures: Iterable[tuple[bytes, str]], max_pixels: int) -> None:
    """Refuse the first picture, of those given with their fields, for what its header says; a few milliseconds each.
    Errors are `decode`'s."""
    for data, field in pictures:
        limits = Limits(field, max_pixels)
        with _refusing(limits):
            kind = sniff(data, field)
            if kind == "JPEG":
                inspect_jpeg(data, limits)
            else:
                inspect_other(data, kind, limits)


def decode(data: bytes, field: str, max_pixels: int) -> Photo:
    """Decodes one picture.

    `field`: the form field the bytes came in, for messages. `max_pixels`: largest width times height.
    Raises `UnsupportedImage`, `RawUnsupported`, `TooManyPixels`, `ImageTooSmall`, `AnimationUnsupported` or
    `UndecodableImage`, and nothing else whatever the bytes.
    """
    limits = Limits(field, max_pixels)
    with _refusing(limits):
        kind = sniff(data, field)
        photo = decode_jpeg(data, limits) if kind == "JPEG" else decode_other(data, kind, limits)
        limits.check(photo.size)
    return replace(photo, digest=hashlib.sha256(data).hexdigest())


@contextmanager
def _refusing(limits: Limits) -> Iterator[None]:
    try:
        yield
    except IdiffError:
        raise
    except Pillow.DecompressionBombError as error:
        raise limits.too_many_pixels() from error
    except Exception as error:
        # Codecs raise whatever they like on hostile input; to the caller all of it means one thing.
        log.info("%s: undecodable: %s", limits.field, type(error).__name__)  # what it says may quote the file
        raise limits.undecodable("it is truncated or corrupt") from error
