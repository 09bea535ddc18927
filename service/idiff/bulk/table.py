"""Answers as rows: what the service's answer says of a pair, in Arrow's types."""

from collections.abc import Iterable
from types import UnionType
from typing import Annotated, Any, Final, Literal, Union, get_args, get_origin

import pyarrow as pa
from pyarrow import parquet
from pydantic import BaseModel

from idiff import schemas
from idiff.bulk.pairs import Pair

SECTIONS: Final = ("rationale", "features", "warnings", "provenance")
"""Of the answer, beside its verdict, whose fields are columns themselves."""

_PLAIN: Final[dict[Any, pa.DataType]] = {
    str: pa.string(),
    bool: pa.bool_(),
    int: pa.int64(),
    float: pa.float64(),
}


def _arrow(annotation: Any) -> pa.DataType:  # noqa: ANN401 - any annotation of the wire's models
    """The Arrow type of what a field of the wire can hold."""
    kind, inner = get_origin(annotation), get_args(annotation)
    if kind is Annotated:
        return _arrow(inner[0])
    if kind in (Union, UnionType):
        (some,) = set(inner) - {type(None)}
        return _arrow(some)
    if kind is list:
        return pa.list_(_arrow(inner[0]))
    if kind is Literal:
        return _arrow(type(inner[0]))
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return pa.struct(_fields(annotation))
    return _PLAIN[annotation]


def _fields(model: type[BaseModel], names: Iterable[str] | None = None) -> list[pa.Field]:
    """Of a model, all by default."""
    return [pa.field(name, _arrow(model.model_fields[name].annotation)) for name in names or model.model_fields]


SCHEMA: Final = pa.schema(
    [
        *(pa.field(name, pa.string(), nullable=False) for name in ("id", "image_a", "image_b")),
        *_fields(schemas.Verdict),
        *_fields(schemas.Comparison, SECTIONS),
        *(pa.field(f"error_{name}", pa.string()) for name in ("code", "message", "field")),
    ]
)
"""One row a pair. A pair that was judged has no error; one that could not be has nothing else."""


def judged(pair: Pair, answer: schemas.Comparison) -> dict[str, Any]:
    """The row of a pair that was judged."""
    return _named(pair) | answer.verdict.model_dump() | answer.model_dump(include=set(SECTIONS))


def failed(pair: Pair, error: schemas.ErrorDetail) -> dict[str, Any]:
    """The row of a pair that could not be."""
    return _named(pair) | {f"error_{name}": getattr(error, name) for name in ("code", "message", "field")}


def to_parquet(rows: list[dict[str, Any]]) -> bytes:
    """A Parquet file of rows; the same rows make the same bytes."""
    buffer = pa.BufferOutputStream()
    parquet.write_table(pa.Table.from_pylist(rows, SCHEMA), buffer, compression="zstd")
    content: bytes = buffer.getvalue().to_pybytes()
    return content


def _named(pair: Pair) -> dict[str, Any]:
    return {"id": pair.id, "image_a": pair.image_a, "image_b": pair.image_b}
