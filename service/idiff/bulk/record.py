"""What a folder of verdicts is of: written when a run begins, compared when it goes on."""

from typing import Any, Final

from pydantic import BaseModel, ConfigDict, ValidationError

from idiff import __version__
from idiff.bulk.errors import BulkRefused
from idiff.bulk.storage import Folder
from idiff.bulk.worker import Task
from idiff.imaging import PREPROCESSING_VERSION

RUN: Final = "_run.json"
"""Readers of Parquet folders leave alone what starts so."""
DECIDING: Final = ("provider", "max_pixels", "max_body_bytes", "lines_min", "lines_max")
"""Settings that a row depends on."""
WRITING: Final = ("family", "max_tokens", "model", "stage", "view_pixels", "wording")
"""And of `thinking_*`, where a model writes the rationales."""


class Record(BaseModel):
    """All that decides a run's rows. `release`: its version, `release_sha256`: of its manifest; `pairs_sha256`: of the
    list as read."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    idiff: str = __version__
    preprocessing: str = PREPROCESSING_VERSION
    release: str
    release_sha256: str
    pairs: int
    pairs_sha256: str
    root: str
    rows_per_file: int
    rationale: str
    settings: dict[str, Any]


def deciding(task: Task) -> dict[str, Any]:
    """The settings of a task that its rows depend on, as JSON has them."""
    names = [*DECIDING, *(f"thinking_{name}" for name in WRITING if task.thinks)]
    kept: dict[str, Any] = task.settings.model_dump(mode="json", include=set(names))
    return kept | {"iqa": task.settings.iqa_url is not None}


def begin(folder: Folder, record: Record) -> None:
    """Write the record into a new folder, or see that an old one is of the same run.

    Raises:
        BulkRefused: it is of another, or of none.
    """
    names = folder.names()
    if RUN not in names:
        if kept := sorted(name for name in names if not name.startswith("_")):
            raise BulkRefused("other_run", f"{folder.name} is no folder of verdicts: it holds {kept[0]}")
        folder.write(RUN, record.model_dump_json(indent=2).encode())
        return
    try:
        found = Record.model_validate_json(folder.read(RUN))
    except ValidationError as error:
        raise BulkRefused("other_run", f"{folder.name}: {RUN} is not of this version of iDiff") from error
    if differing := [
        f"{name} was {getattr(found, name)}, now {getattr(record, name)}"
        for name in Record.model_fields
        if getattr(found, name) != getattr(record, name)
    ]:
        raise BulkRefused("other_run", f"{folder.name} holds another run's verdicts: {'; '.join(differing)}")
