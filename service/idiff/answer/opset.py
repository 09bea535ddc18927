"""Which operator set a graph was written for, without the `onnx` package, which the service does not need."""

from collections.abc import Iterator

OPSET_IMPORT = 8
"""Number of `ModelProto.opset_import` in onnx.proto."""


def opset_of(graph: bytes) -> int | None:
    """Version of the default operator set that a serialised ONNX model imports; None where it names none.

    Reads the protocol buffer's outermost fields only (protobuf.dev, "Encoding"); `graph` must be a valid one.
    """
    for number, value in _fields(memoryview(graph)):
        if number == OPSET_IMPORT and isinstance(value, memoryview):
            imported = dict(_fields(value))  # OperatorSetIdProto: domain = 1, version = 2
            version = imported.get(2)
            if imported.get(1, b"") in (b"", b"ai.onnx") and isinstance(version, int):
                return version
    return None


def _fields(message: memoryview) -> Iterator[tuple[int, int | memoryview]]:
    """Number and value of each field: a varint as int, everything else as its bytes, not copied."""
    at = 0
    while at < len(message):
        key, at = _varint(message, at)
        kind = key & 7
        if kind == 0:
            value, at = _varint(message, at)
            yield key >> 3, value
            continue
        length, at = (_varint(message, at)) if kind == 2 else ({1: 8, 5: 4}[kind], at)
        yield key >> 3, message[at : at + length]
        at += length


def _varint(message: memoryview, at: int) -> tuple[int, int]:
    value = shift = 0
    while True:
        byte = message[at]
        value |= (byte & 127) << shift
        at, shift = at + 1, shift + 7
        if byte < 128:
            return value, at
