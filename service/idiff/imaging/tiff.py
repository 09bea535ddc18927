"""A tolerant reader of TIFF directories, for what decoders hide: EXIF orientation, camera RAW marks, page kinds.

Layout: TIFF 6.0, section 2. Anything out of bounds is skipped, never an error; the work is bounded whatever the bytes.
"""

import struct

Tags = dict[int, tuple[int, ...] | bytes]

ORIENTATION, SUB_IFDS, EXIF_IFD, INTEROP_IFD = 0x0112, 0x014A, 0x8769, 0xA005
_SIZES = {1: 1, 2: 1, 3: 2, 4: 4, 6: 1, 7: 1, 8: 2, 9: 4, 13: 4}
_CODES = {3: "H", 4: "I", 8: "h", 9: "i", 13: "I"}
_MAX_DIRECTORIES, _MAX_ENTRIES, _MAX_VALUES = 64, 512, 4096


def byte_order(data: bytes) -> str | None:
    """struct's mark of the byte order, or None where `data` is no classic TIFF structure."""
    return {b"II": "<", b"MM": ">"}.get(data[:2]) if len(data) >= 8 else None


def read_directory(data: bytes, offset: int, order: str) -> tuple[Tags, int]:
    """The tags of the directory at `offset`, integers as tuples, all else as bytes; and the next directory's offset."""
    tags: Tags = {}
    if not 8 <= offset <= len(data) - 2:
        return tags, 0
    (count,) = struct.unpack_from(order + "H", data, offset)
    end = offset + 2 + 12 * count
    for position in range(offset + 2, min(end, offset + 2 + 12 * _MAX_ENTRIES, len(data) - 11), 12):
        tag, kind, values = struct.unpack_from(order + "HHI", data, position)
        size = _SIZES.get(kind, 0) * values
        at = position + 8 if size <= 4 else struct.unpack_from(order + "I", data, position + 8)[0]
        if not 0 < size <= 4 * _MAX_VALUES or at + size > len(data):
            continue
        raw = data[at : at + size]
        tags[tag] = struct.unpack(f"{order}{values}{_CODES[kind]}", raw) if kind in _CODES else raw
    following = struct.unpack_from(order + "I", data, end)[0] if end + 4 <= len(data) else 0
    return tags, following


def directories(data: bytes) -> list[Tags]:
    """The main directories of a TIFF structure, in order; empty where it is none."""
    order = byte_order(data)
    if order is None:
        return []
    found: list[Tags] = []
    (offset,) = struct.unpack_from(order + "I", data, 4)
    seen: set[int] = set()
    while offset and offset not in seen and len(found) < _MAX_DIRECTORIES:
        seen.add(offset)
        tags, offset = read_directory(data, offset, order)
        if tags:
            found.append(tags)
    return found


def children(data: bytes, tags: Tags, pointer: int) -> list[Tags]:
    """The directories that `pointer` (a tag such as `SUB_IFDS`) of `tags` points to."""
    order, offsets = byte_order(data), tags.get(pointer, ())
    if order is None or isinstance(offsets, bytes):
        return []
    return [read_directory(data, offset, order)[0] for offset in offsets[:_MAX_DIRECTORIES]]


def number(tags: Tags, tag: int) -> int | None:
    """The first integer of `tag`, None where it is absent or not a number."""
    value = tags.get(tag)
    return value[0] if isinstance(value, tuple) and value else None
