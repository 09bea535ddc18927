"""Small pictures that stand in the page itself."""

import base64
from pathlib import Path

import cv2

from idiff.errors import IdiffError
from idiff.imaging.decode import decode
from idiff.imaging.resize import fit, resize
from idiff.imaging.views import global_view
from idiff.types import Size

JPEG_QUALITY = 78


def thumbnail(path: Path, longest: int, max_pixels: int) -> str | None:
    """The photo, upright and in sRGB, as a data URI; `longest`: its longer side in pixels. None where it cannot be read
    any more, or is larger than `max_pixels`."""
    try:
        view = global_view(decode(path.read_bytes(), path.name, max_pixels))
    except (OSError, IdiffError):
        return None
    small = resize(view, fit(Size(view.shape[1], view.shape[0]), longest))
    done, data = cv2.imencode(".jpg", cv2.cvtColor(small, cv2.COLOR_RGB2BGR), [cv2.IMWRITE_JPEG_QUALITY, JPEG_QUALITY])
    assert done
    return f"data:image/jpeg;base64,{base64.b64encode(data.tobytes()).decode('ascii')}"
