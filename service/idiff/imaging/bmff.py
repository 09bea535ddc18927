"""What decoders of HEIC and AVIF leave out: the primary picture's code points and gain maps (ISO/IEC 23008-12)."""

import struct
from collections.abc import Iterator

_GAIN_MAP_MARKS = (b"urn:com:apple:photo:2020:aux:hdrgainmap", b"urn:iso:std:iso:ts:21496:-1", b"tmap")
_MAX_BOXES = 4096


def has_gain_map(data: bytes) -> bool:
    """Whether the file's directory announces an HDR gain map (Apple's auxiliary picture or ISO 21496-1)."""
    meta = _meta(data)
    return any(mark in meta for mark in _GAIN_MAP_MARKS)


def code_points(data: bytes) -> tuple[int, int] | None:
    """Colour primaries and transfer characteristics (ITU-T H.273) of the primary picture, None where it has none."""
    try:
        return _code_points(_meta(data))
    except (struct.error, IndexError):
        return None


def _code_points(meta: bytes) -> tuple[int, int] | None:
    boxes = dict(_boxes(meta, 4))
    if b"pitm" not in boxes or b"iprp" not in boxes:
        return None
    pitm = boxes[b"pitm"]
    primary = int.from_bytes(pitm[4 : 6 if pitm[0] == 0 else 8], "big")
    properties: list[tuple[bytes, bytes]] = []
    indices: list[int] = []
    for kind, body in _boxes(boxes[b"iprp"]):
        if kind == b"ipco":
            properties = list(_boxes(body))
        elif kind == b"ipma":
            indices += _associations(body, primary)
    for index in indices:
        kind, body = properties[index - 1] if 0 < index <= len(properties) else (b"", b"")
        if kind == b"colr" and body[:4] == b"nclx":
            return struct.unpack_from(">HH", body, 4)
    return None


def _associations(ipma: bytes, item: int) -> list[int]:
    """One-based property indices that an `ipma` box gives to `item`."""
    wide_ids, wide_indices = ipma[0] > 0, bool(ipma[3] & 1)
    (count,) = struct.unpack_from(">I", ipma, 4)
    at, found = 8, []
    for _ in range(min(count, _MAX_BOXES)):
        (current,) = struct.unpack_from(">I" if wide_ids else ">H", ipma, at)
        at += 4 if wide_ids else 2
        number = ipma[at]
        at += 1
        for _ in range(number):
            index = struct.unpack_from(">H", ipma, at)[0] & 0x7FFF if wide_indices else ipma[at] & 0x7F
            at += 2 if wide_indices else 1
            if current == item:
                found.append(index)
    return found


def _meta(data: bytes) -> bytes:
    return next((body for kind, body in _boxes(data) if kind == b"meta"), b"")


def _boxes(data: bytes, start: int = 0) -> Iterator[tuple[bytes, bytes]]:
    """Type and content of the boxes that follow each other from `start` (ISO/IEC 14496-12, 4.2)."""
    for _ in range(_MAX_BOXES):
        if start + 8 > len(data):
            return
        size, kind = struct.unpack_from(">I4s", data, start)
        header = 8
        if size == 1 and start + 16 <= len(data):
            (size,), header = struct.unpack_from(">Q", data, start + 8), 16
        end = len(data) if size == 0 else start + size
        if size != 0 and size < header:
            return
        yield kind, data[start + header : end]
        start = end
