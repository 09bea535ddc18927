"""What a run found, counted from its files: `_summary.json`."""

import platform
from collections.abc import Sequence
from importlib.metadata import PackageNotFoundError, version
from typing import Final

import pyarrow as pa
from pyarrow import compute, dataset
from pydantic import BaseModel

from idiff.bulk import EngineName
from idiff.bulk.errors import BulkRefused
from idiff.bulk.parts import Part
from idiff.bulk.record import Record
from idiff.bulk.storage import Folder
from idiff.bulk.table import SCHEMA

SUMMARY: Final = "_summary.json"
PACKAGES: Final = ("numpy", "onnxruntime", "onnxruntime-gpu", "onnxruntime-openvino", "pyarrow", "ray")


class Pace(BaseModel):
    """Of the command that ended the run, its workers' start included: `pairs` that it judged itself."""

    engine: EngineName
    pairs: int
    seconds: float
    pairs_per_second: float


class Summary(BaseModel):
    """Counts of all pairs of the run. `errors`: by code, of those that could not be judged. `fallbacks`: why rationales
    that a model was to write were measured."""

    run: Record
    providers: list[str]
    versions: dict[str, str]
    judged: int
    errors: dict[str, int]
    preferred: dict[str, int]
    too_close: int
    rationales: dict[str, int]
    fallbacks: dict[str, int]
    pace: Pace


def summarise(folder: Folder, parts: Sequence[Part], record: Record, pace: Pace) -> Summary:
    """Count what is in the files.

    Raises:
        BulkRefused: they do not hold every pair of the list exactly once.
    """
    field = dataset.field
    wanted = {name: field(name) for name in ("id", "preferred", "too_close", "error_code")}
    wanted |= {name: field("rationale", name) for name in ("source", "reason")}
    wanted |= {"providers": field("provenance", "providers")}
    paths = [folder.at(part.file) for part in parts]
    try:
        found = dataset.dataset(paths, SCHEMA, "parquet", folder.files).to_table(wanted)
    except (OSError, pa.ArrowException) as error:
        raise BulkRefused("incomplete", f"{folder.name}: a file cannot be read: {error}") from error
    if found["id"].to_pylist() != [pair.id for part in parts for pair in part.pairs]:
        raise BulkRefused("incomplete", f"{folder.name} does not hold every pair once: its files were changed")
    judged = found.filter(compute.is_null(found["error_code"]))
    return Summary(
        run=record,
        providers=list(_counted(compute.list_flatten(judged["providers"]))),
        versions=_versions(),
        judged=len(judged),
        errors=_counted(found["error_code"]),
        preferred=_counted(judged["preferred"].fill_null("neither")),
        too_close=compute.sum(judged["too_close"], min_count=0).as_py(),
        rationales=_counted(found["source"]),
        fallbacks=_counted(judged.filter(compute.not_equal(judged["reason"], "not_configured"))["reason"]),
        pace=pace,
    )


def _counted(values: pa.ChunkedArray) -> dict[str, int]:
    """How often each value is there."""
    return dict(sorted((one["values"], one["counts"]) for one in values.drop_null().value_counts().to_pylist()))


def _versions() -> dict[str, str]:
    """Of what is installed here."""
    found = {"python": platform.python_version()}
    for package in PACKAGES:
        try:
            found[package] = version(package)
        except PackageNotFoundError:
            continue
    return found
