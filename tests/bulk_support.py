"""Lists of pairs, and what `idiff bulk` makes of them, for the tests of both its engines."""

import csv
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
from conftest import SAMPLES, encode
from PIL import Image
from pyarrow import parquet

Row = dict[str, Any]


def photographed(folder: Path, pairs: int) -> list[Row]:
    """Different pairs of photos, written into a folder; their rows of a list."""
    a, b = (np.asarray(Image.open(SAMPLES / f"astronaut_{side}.jpg")) for side in "ab")
    rows = []
    for place in range(pairs):
        names = {f"image_{side}": f"{place}{side}.jpg" for side in "ab"}
        for name, photo in zip(names.values(), (a, b), strict=True):
            (folder / name).write_bytes(encode(photo[8 * place :], "JPEG", quality=90 + place % 8))
        rows.append({"id": f"pair {place}", **names, "category": ("auto", "person", "scene")[place % 3]})
    return rows


def written(path: Path, rows: Sequence[Row]) -> Path:
    """A list of pairs as Parquet or, by its suffix, CSV."""
    if path.suffix == ".parquet":
        parquet.write_table(pa.Table.from_pylist(list(rows)), path)
        return path
    with path.open("w", newline="") as file:
        writer = csv.DictWriter(file, list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)
    return path


def files(out: Path) -> dict[str, bytes]:
    """The verdicts' files by name, in order."""
    return {path.name: path.read_bytes() for path in sorted(out.glob("part-*.parquet"))}


def verdicts(out: Path) -> list[Row]:
    """Their rows."""
    return [row for path in sorted(out.glob("part-*.parquet")) for row in parquet.read_table(path).to_pylist()]


def until(true: Callable[[], object], seconds: float) -> None:
    """Wait for it."""
    end = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < end
        time.sleep(0.05)
