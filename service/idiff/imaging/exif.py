"""What iDiff reads of EXIF: the orientation and the colour space cameras name without embedding a profile."""

from idiff.imaging.tiff import EXIF_IFD, INTEROP_IFD, ORIENTATION, children, directories, number

_COLOUR_SPACE, _INTEROP_INDEX = 0xA001, 0x0001
_UNCALIBRATED = 0xFFFF


def orientation(exif: bytes) -> int:
    """EXIF orientation 1-8; 1 where it is absent, broken or out of range. `exif`: with or without its `Exif` header."""
    value = next((number(tags, ORIENTATION) for tags in directories(_body(exif))[:1]), None)
    return value if value is not None and 1 <= value <= 8 else 1


def is_adobe_rgb(exif: bytes) -> bool:
    """Whether a camera says Adobe RGB the way DCF 2.0 does: colour space uncalibrated, interoperability index R03."""
    body = _body(exif)
    for main in directories(body)[:1]:
        for camera in children(body, main, EXIF_IFD):
            named = [tags.get(_INTEROP_INDEX) for tags in children(body, camera, INTEROP_IFD)]
            if number(camera, _COLOUR_SPACE) in (2, _UNCALIBRATED):
                return any(isinstance(index, bytes) and index.startswith(b"R03") for index in named)
    return False


def _body(exif: bytes) -> bytes:
    return exif[6:] if exif.startswith(b"Exif\x00\x00") else exif
