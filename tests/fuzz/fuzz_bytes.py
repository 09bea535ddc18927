"""What can happen to a file's bytes: blind damage anywhere, and edits of the fields that a decoder steers by."""

import struct
import zlib
from collections.abc import Callable, Iterator
from random import Random
from typing import Final, Literal, NamedTuple

Mutator = Callable[[bytes, Random], bytes]


def mutated(data: bytes, random: Random) -> tuple[bytes, str]:
    """`data` after one to three of the mutators, and their names."""
    chosen = random.choices(MUTATORS, WEIGHTS, k=random.choice((1, 1, 1, 2, 3)))
    for mutate in chosen:
        data = mutate(data, random)
    return data, "+".join(mutate.__name__ for mutate in chosen)


def flip(data: bytes, random: Random) -> bytes:
    """Up to 32 bits turned over."""
    damaged = bytearray(data)
    for _ in range(random.choice((1, 2, 8, 32)) if data else 0):
        damaged[random.randrange(len(data))] ^= 1 << random.randrange(8)
    return bytes(damaged)


def truncate(data: bytes, random: Random) -> bytes:
    """Only its start."""
    return data[: random.randrange(len(data) + 1)]


def insert(data: bytes, random: Random) -> bytes:
    """Up to 64 foreign bytes somewhere."""
    at = random.randrange(len(data) + 1)
    return data[:at] + random.randbytes(random.randint(1, 64)) + data[at:]


def delete(data: bytes, random: Random) -> bytes:
    """A block gone."""
    start, end = _block(data, random)
    return data[:start] + data[end:]


def overwrite(data: bytes, random: Random) -> bytes:
    """A block of noise, of zeros or of ones."""
    start, end = _block(data, random)
    noise = random.choice((random.randbytes(end - start), bytes(end - start), b"\xff" * (end - start)))
    return data[:start] + noise + data[end:]


def repeat(data: bytes, random: Random) -> bytes:
    """A block up to a hundred times."""
    start, end = _block(data, random)
    return data[:end] + data[start:end] * random.choice((1, 10, 100)) + data[end:]


def swap(data: bytes, random: Random) -> bytes:
    """Two neighbouring blocks in the other order."""
    start, middle, end = sorted(random.randrange(len(data) + 1) for _ in range(3))
    return data[:start] + data[middle:end] + data[start:middle] + data[end:]


def edit(data: bytes, random: Random) -> bytes:
    """One to four of the header's fields set to a value that is likely to hurt."""
    found, damaged = list(fields(data)), bytearray(data)
    for field in random.choices(found, k=random.randint(1, 4)) if found else ():
        struct.pack_into(field.code, damaged, field.offset, _hurtful(field, damaged, random))
    return _sealed(bytes(damaged)) if random.random() < 0.8 else bytes(damaged)


MUTATORS: Final[tuple[Mutator, ...]] = (flip, truncate, insert, delete, overwrite, repeat, swap, edit)
WEIGHTS: Final = (3, 1, 1, 1, 1, 1, 1, 6)


class Field(NamedTuple):
    """An unsigned integer of a file's structure; `code` is struct's, with its byte order."""

    offset: int
    code: str


def fields(data: bytes) -> Iterator[Field]:
    """The integers of a file's segments, chunks, boxes or directory, those that lie within it."""
    if data.startswith(b"\xff\xd8"):
        found = _jpeg(data)
    elif data.startswith(b"\x89PNG"):
        found = _chunks(data, 8, ">I", length_first=True, between=4)
    elif data.startswith(b"RIFF"):
        found = _chunks(data, 12, "<I", length_first=False, between=0)
    elif data[:4] in (b"II*\x00", b"MM\x00*"):
        found = _directory(data, "<" if data[:1] == b"I" else ">")
    else:
        found = _boxes(data, 0, len(data))
    return (field for field in found if field.offset + struct.calcsize(field.code) <= len(data))


CONTENT: Final = 24
"""Bytes of a segment's content that are fields too: there are its sizes, counts and versions."""


def _jpeg(data: bytes) -> Iterator[Field]:
    at = 2
    while at + 4 <= len(data) and data[at] == 0xFF:
        yield from (Field(at + 1, "B"), Field(at + 2, ">H"), *_content(at + 4))
        if data[at + 1] == 0xC0:  # the frame: height and width
            yield from (Field(at + 5, ">H"), Field(at + 7, ">H"))
        at += 2 + int.from_bytes(data[at + 2 : at + 4], "big")


def _chunks(data: bytes, at: int, code: str, *, length_first: bool, between: int) -> Iterator[Field]:
    while at + 8 <= len(data):
        length = at if length_first else at + 4
        yield from (Field(length, code), Field(2 * at + 4 - length, ">I"), *_content(at + 8))
        (size,) = struct.unpack_from(code, data, length)
        at += 8 + size + between + (size % 2 if not length_first else 0)


def _directory(data: bytes, order: Literal["<", ">"]) -> Iterator[Field]:
    yield Field(4, order + "I")
    (at,) = struct.unpack_from(order + "I", data, 4) if len(data) >= 8 else (0,)
    if at + 2 > len(data):
        return
    (count,) = struct.unpack_from(order + "H", data, at)
    yield Field(at, order + "H")
    for entry in range(at + 2, at + 2 + 12 * min(count, 64), 12):
        yield from (Field(entry, order + "H"), Field(entry + 2, order + "H"))
        yield from (Field(entry + 4, order + "I"), Field(entry + 8, order + "I"), Field(entry + 8, order + "H"))


def _boxes(data: bytes, at: int, end: int) -> Iterator[Field]:
    while at + 8 <= end:
        size, kind = int.from_bytes(data[at : at + 4], "big"), data[at + 4 : at + 8]
        yield from (Field(at, ">I"), Field(at + 4, ">I"), *_content(at + 8))
        inner = {b"meta": 12, b"iprp": 8, b"ipco": 8}.get(kind)
        if inner:
            yield from _boxes(data, at + inner, min(at + size, end))
        at += max(size, 8)


def _content(at: int) -> Iterator[Field]:
    return (Field(at + offset, "B") for offset in range(CONTENT))


def _hurtful(field: Field, data: bytearray, random: Random) -> int:
    most = 256 ** struct.calcsize(field.code) - 1
    (now,) = struct.unpack_from(field.code, data, field.offset)
    candidates = (0, 1, now - 1, now + 1, 2 * now, now // 2, most // 2, most // 2 + 1, most - 1, most)
    return random.choice((*candidates, random.randint(0, most))) % (most + 1)


def _sealed(data: bytes) -> bytes:
    """A PNG with its checksums made right again: without, no edit would get past them."""
    if not data.startswith(b"\x89PNG"):
        return data
    sealed, at = bytearray(data), 8
    while at + 12 <= len(data):
        end = at + 8 + int.from_bytes(data[at : at + 4], "big")
        if end + 4 > len(data):
            break
        struct.pack_into(">I", sealed, end, zlib.crc32(data[at + 4 : end]))
        at = end + 4
    return bytes(sealed)


def _block(data: bytes, random: Random) -> tuple[int, int]:
    """Start and end of at most 256 bytes, or of anything."""
    start = random.randrange(len(data) + 1)
    return start, min(len(data), start + random.choice((random.randint(1, 256), len(data) - start)))
