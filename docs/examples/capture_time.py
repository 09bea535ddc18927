"""When a photo was taken. Needs Pillow."""

from datetime import datetime
from pathlib import Path
from typing import Final

from PIL import ExifTags, Image

CAMERA: Final = ExifTags.IFD.Exif
TAKEN, FRACTION = ExifTags.Base.DateTimeOriginal, ExifTags.Base.SubsecTimeOriginal


def taken(photo: Path) -> float:
    """Seconds on the camera's clock, from EXIF; where it does not say, when the file was written, on this machine's."""
    try:
        with Image.open(photo) as picture:
            camera = picture.getexif().get_ifd(CAMERA)
        moment = datetime.strptime(str(camera[TAKEN]).strip("\0 "), "%Y:%m:%d %H:%M:%S")
        return moment.timestamp() + float("0." + (str(camera.get(FRACTION, "")).strip("\0 ") or "0"))
    except (OSError, KeyError, ValueError):
        return photo.stat().st_mtime
