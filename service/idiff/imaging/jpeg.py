"""What a JPEG's markers say before its picture is decoded (ITU-T T.81, annex B)."""

import re
import struct
from dataclasses import dataclass
from itertools import islice

from idiff.imaging import tiff

_FRAMES = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}
_ALONE = frozenset(range(0xD0, 0xD9)) | {0x01}
_SOS, _EOI, _APP1, _APP2 = 0xDA, 0xD9, 0xE1, 0xE2
_GAIN_MAP_MARKS = (b"hdrgm:", b"urn:iso:std:iso:ts:21496:-1", b"urn:com:apple:photo:2020:aux:hdrgainmap", b"HDRGainMap")
_USUAL_STARTS = 64
_MAX_SEGMENTS = 4096
"""No camera or editor writes a tenth of it; reading millions of empty ones would keep other threads waiting."""

_MARKER = re.compile(rb"\xff[^\x00\x01\xd0-\xd7\xff]")
"""What ends entropy-coded data, in which a lone 0xFF is followed by zero or a restart marker."""

_SOI = b"\xff\xd8\xff"
_STARTS = re.compile(rb"\xff(?:\xda|\xd8(?=\xff))")
"""Of a scan, or of another picture. `bytes.count` and `bytes.find` hold the interpreter's lock a few times as long."""
_MP_ENTRIES = 0xB002
_THUMBNAIL_KINDS = (0x010001, 0x010002)
_PRIMARY_KIND = 0x030000


@dataclass(frozen=True, slots=True)
class JpegHeader:
    """`width` and `height` in pixels, `precision` in bits, `components` 1, 3 or 4. Absent metadata blocks are empty."""

    width: int
    height: int
    precision: int
    components: int
    scans: int
    exif: bytes
    profile: bytes
    gain_map: bool
    extra_images: bool


def read_header(data: bytes) -> JpegHeader | None:
    """Reads all segments before the first scan; None where there is no usable frame header, or no end to them."""
    frame: tuple[int, int, int, int] | None = None
    exif = pages = b""
    announced = False
    profile: dict[int, bytes] = {}
    position = 2
    for _ in range(_MAX_SEGMENTS):
        segment = _segment(data, position)
        if segment is None:
            break
        marker, body, position = segment
        if marker == _SOS:
            break
        if marker in _FRAMES and len(body) >= 6:
            frame = struct.unpack_from(">BHHB", body)
        elif marker == _APP1 and body.startswith(b"Exif\x00\x00"):
            exif = exif or body
        elif marker == _APP1 and body.startswith(b"http://ns.adobe.com/xap/1.0/"):
            announced = announced or any(mark in body for mark in _GAIN_MAP_MARKS)
        elif marker == _APP2 and body.startswith(b"ICC_PROFILE\x00") and len(body) > 14:
            profile[body[12]] = body[14:]
        elif marker == _APP2 and body.startswith(b"MPF\x00"):
            pages = body[4:]
    else:
        return None
    if frame is None:
        return None
    precision, height, width, components = frame
    # Editors drop the gain map and keep the metadata that announces it; a picture after the scan is what counts.
    # Entropy-coded data cannot hold the mark of its start.
    starts = [*islice(_STARTS.finditer(data, position), _USUAL_STARTS + 1)]
    crowded = len(starts) > _USUAL_STARTS
    appended = data.find(_SOI, position) if crowded else next((s.start() for s in starts if s[0] in _SOI), -1)
    gain_map = appended > 0 and (announced or any(data.find(mark, appended) > 0 for mark in _GAIN_MAP_MARKS))
    return JpegHeader(
        width=width,
        height=height,
        precision=precision,
        components=components,
        scans=_scans(data, position) if crowded else 1 + sum(start[0] not in _SOI for start in starts),
        exif=exif,
        profile=b"".join(profile[key] for key in sorted(profile)),
        gain_map=gain_map,
        extra_images=appended > 0 and not gain_map and _extra_images(pages),
    )


def _segment(data: bytes, position: int) -> tuple[int, bytes, int] | None:
    """Marker, content and end of the segment at `position`; None at the end of the file or of all sense."""
    while position + 2 <= len(data):
        if data[position] != 0xFF:
            # Decoders skip stray bytes between segments, so the header reader has to as well.
            position = data.find(b"\xff", position)
            if position < 0:
                return None
            continue
        marker = data[position + 1]
        if marker == 0xFF:
            position += 1
        elif marker in _ALONE or marker == 0:
            position += 2
        elif marker == _EOI or position + 4 > len(data):
            return None
        else:
            end = position + 2 + max(2, struct.unpack_from(">H", data, position + 2)[0])
            return marker, data[position + 4 : end], end
    return None


def _scans(data: bytes, position: int) -> int:
    """Number of scans, given the end of the first one's header, in what the picture itself holds: what phones append, a
    video for instance, holds the mark of a scan by chance."""
    count = 1
    for _ in range(_MAX_SEGMENTS):
        found = _MARKER.search(data, position)
        segment = _segment(data, found.start()) if found else None
        if segment is None:
            return count
        marker, _, position = segment
        count += marker == _SOS
    return _MAX_SEGMENTS


def _extra_images(pages: bytes) -> bool:
    """Whether a CIPA DC-007 multi-picture index lists pictures that are neither the primary one nor its thumbnails."""
    for tags in tiff.directories(pages):
        entries = tags.get(_MP_ENTRIES, b"")
        if isinstance(entries, bytes):
            order = tiff.byte_order(pages) or ">"
            kinds = [entry[0] & 0xFFFFFF for entry in struct.iter_unpack(order + "IIII", entries[: len(entries) & ~15])]
            return any(kind not in (*_THUMBNAIL_KINDS, _PRIMARY_KIND) for kind in kinds[1:])
    return False
