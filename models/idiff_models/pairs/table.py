"""Pairs from a CSV file with a header.

Columns: `image_a,image_b[,crop_a,crop_b]` or `merged_global[,merged_crop]`; then any of `target` (0-1, that A is the
better), `votes_a,votes_b` and `label` (A, B, equal), of which the first that is filled in counts; optionally `category`
(person or scene), `name` (else `scene`, else the first file's) and `kind` (else the folder in a name like
`City100/001`). Other columns are ignored; an empty cell is an absent one.
"""

import csv
import io
import math
from collections.abc import Mapping
from pathlib import Path

from idiff.types import CategoryName
from idiff.upload import MERGED_FIELDS, PHOTO_FIELDS
from idiff_models.pairs.pair import LabelledPair, Names, PairsError

LABELS = {"a": 1.0, "b": 0.0, "equal": 0.5}


class _Row:
    """One line's cells, stripped; `refuse` is the error that names it."""

    def __init__(self, path: Path, line: int, cells: Mapping[str | None, str | list[str] | None]) -> None:
        self.path, self.line = path, line
        if cells.get(None):
            raise self.refuse("has more cells than the header")
        self.cells = {str(name).strip(): cell.strip() for name, cell in cells.items() if isinstance(cell, str)}

    def get(self, column: str) -> str:
        return self.cells.get(column, "")

    def refuse(self, message: str) -> PairsError:
        return PairsError(self.path, self.line, message)

    def number(self, column: str, most: float) -> float:
        try:
            value = float(self.get(column))
        except ValueError:
            value = math.nan
        if not 0 <= value <= most:
            bounds = "0 to 1" if most == 1 else "0 or more"
            raise self.refuse(f"column {column}: {self.get(column)!r} is not a number, {bounds}")
        return value


def read_table(path: Path, text: str, root: Path) -> list[LabelledPair]:
    """Pairs of the CSV `text` of file `path`, their photos below `root`; raises PairsError."""
    reader = csv.DictReader(io.StringIO(text, newline=""), strict=True)
    header = {name.strip() for name in reader.fieldnames or ()}
    if not {"image_a", "image_b"} <= header and "merged_global" not in header:
        raise PairsError(path, 1, "the header needs columns image_a and image_b, or merged_global")
    names, pairs = Names(), []
    try:
        for cells in reader:
            row = _Row(path, reader.line_num, cells)
            images = _images(row, root)
            name = row.get("name") or row.get("scene") or next(iter(images.values())).stem
            kind = row.get("kind") or name.rpartition("/")[0]
            files = tuple(row.get(field) for field in images)
            pairs.append(LabelledPair(names.unique(name), images, _target(row), _category(row), kind, files))
    except csv.Error as error:
        raise PairsError(path, reader.line_num, str(error)) from error
    return pairs


def _images(row: _Row, root: Path) -> dict[str, Path]:
    photos, merged = ([f for f in fields if row.get(f)] for fields in (PHOTO_FIELDS, MERGED_FIELDS))
    if photos and merged:
        raise row.refuse(f"columns {photos[0]} and {merged[0]}: one layout a pair, not both")
    needed = MERGED_FIELDS[:1] if merged else PHOTO_FIELDS if len(photos) > 2 else PHOTO_FIELDS[:2]
    for field in needed:
        if not row.get(field):
            raise row.refuse(f"column {field} is empty")
    return {field: root / row.get(field) for field in photos or merged}


def _target(row: _Row) -> float | None:
    if row.get("target"):
        return row.number("target", 1)
    if row.get("votes_a") or row.get("votes_b"):
        a, b = row.number("votes_a", math.inf), row.number("votes_b", math.inf)
        if not math.isfinite(a + b):
            raise row.refuse("columns votes_a and votes_b: not finite")
        return a / (a + b) if a + b else None
    label = row.get("label")
    if label and label.lower() not in LABELS:
        raise row.refuse(f"column label: {label[:40]!r} is none of A, B, equal")
    return LABELS[label.lower()] if label else None


def _category(row: _Row) -> CategoryName | None:
    name = row.get("category").lower()
    if name == "person":
        return "person"
    if name == "scene":
        return "scene"
    if name:
        raise row.refuse(f"column category: {name[:40]!r} is neither person nor scene")
    return None
