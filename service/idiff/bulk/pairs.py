"""The list of pairs: a Parquet or CSV file."""

import hashlib
import json
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import astuple, dataclass
from pathlib import PurePosixPath
from typing import Any, Final
from urllib.parse import urlsplit

import pyarrow as pa
from pyarrow import csv, parquet

from idiff.bulk.errors import BulkRefused
from idiff.bulk.storage import resolve, shown
from idiff.schemas import CategoryOption
from idiff.upload import OPTIONS

PHOTOS: Final = ("image_a", "image_b")
COLUMNS: Final = (*PHOTOS, "id", "category")


@dataclass(frozen=True, slots=True)
class Pair:
    """Two photos of one scene, each by path or URL. `id`: unique in its list."""

    image_a: str
    image_b: str
    id: str
    category: CategoryOption = "auto"


def read_pairs(where: str) -> list[Pair]:
    """The pairs of a `.parquet` or `.csv` file: columns `image_a` and `image_b`, optionally `id` (without it a pair is
    called by its row, the first 0) and `category` (auto, person or scene; nothing is auto). Others are ignored.

    Raises:
        BulkRefused: it cannot be read, or is no such list.
    """
    columns = _columns(where)
    if missing := [name for name in PHOTOS if name not in columns]:
        raise _refused(where, f"has no column {' or '.join(missing)}")
    if not columns["image_a"]:
        raise _refused(where, "holds no pairs")
    columns.setdefault("id", [str(row) for row in range(len(columns["image_a"]))])
    cells = zip(*columns.values(), strict=True)
    pairs = [_pair(where, row, dict(zip(columns, values, strict=True))) for row, values in enumerate(cells)]
    name, times = Counter(pair.id for pair in pairs).most_common(1)[0]
    if times > 1:
        raise _refused(where, f"column id: {name!r} is there {times} times")
    return pairs


def digest(pairs: Sequence[Pair]) -> str:
    """SHA-256 of a list."""
    return hashlib.sha256(json.dumps([astuple(pair) for pair in pairs]).encode()).hexdigest()


def _columns(where: str) -> dict[str, list[str | None]]:
    """Those that a list can have and this one has, as text."""
    suffix = PurePosixPath(urlsplit(where).path if "://" in where else where).suffix.lower()
    if suffix not in _READERS:
        raise _refused(where, "is neither .parquet nor .csv")
    try:
        files, path = resolve(where)
        with files.open_input_file(path) as file:
            table = _READERS[suffix](file)
        return {name: table[name].cast(pa.string()).to_pylist() for name in COLUMNS if name in table.column_names}
    except (OSError, ValueError, pa.ArrowException) as error:
        raise _refused(where, f"cannot be read: {error}") from error


def _parquet(file: pa.NativeFile) -> pa.Table:
    found = parquet.ParquetFile(file)
    return found.read([name for name in COLUMNS if name in found.schema_arrow.names])


def _csv(file: pa.NativeFile) -> pa.Table:
    text = csv.ConvertOptions(column_types=dict.fromkeys(COLUMNS, pa.string()), strings_can_be_null=True)
    return csv.read_csv(file, convert_options=text)


_READERS: Final[dict[str, Callable[[pa.NativeFile], pa.Table]]] = {".parquet": _parquet, ".csv": _csv}


def _pair(where: str, row: int, cells: Mapping[str, str | None]) -> Pair:
    given: dict[str, Any] = {name: cell for name, cell in cells.items() if cell}
    for name in ("id", *PHOTOS):
        if name not in given:
            raise _refused(where, f"row {row} (the first is 0): column {name} is empty")
    category = given.setdefault("category", "auto")
    if category not in OPTIONS["category"]:
        allowed = ", ".join(OPTIONS["category"])
        raise _refused(where, f"row {row} (the first is 0): category is {category[:40]!r}; allowed are {allowed}")
    return Pair(**given)


def _refused(where: str, why: str) -> BulkRefused:
    return BulkRefused("pairs_refused", f"{shown(where)}: {why}")
