"""Loading a release folder: whole or not at all."""

import hashlib
from dataclasses import dataclass
from pathlib import Path
from typing import Final, get_args

from pydantic import ValidationError

from idiff.answer.manifest import File, Manifest
from idiff.errors import ReleaseRefused
from idiff.imaging import PREPROCESSING_VERSION
from idiff.types import CategoryName

MANIFEST: Final = "manifest.json"
MOST_FAULTS: Final = 3


@dataclass(frozen=True, slots=True)
class Release:
    """A verified release: its manifest, and each graph's bytes by file name, exactly as the checksums were taken of."""

    folder: Path
    manifest: Manifest
    graphs: dict[str, bytes]


def read_manifest(folder: Path) -> Manifest:
    """What the release in `folder` says of itself; whether it can be served is `load`'s to say.

    Raises:
        ReleaseRefused: the manifest is missing or malformed.
    """
    try:
        return Manifest.model_validate_json((folder / MANIFEST).read_bytes())
    except OSError as error:
        raise ReleaseRefused(f"{folder}: {MANIFEST} cannot be read: {error.strerror}") from error
    except ValidationError as error:
        raise ReleaseRefused(f"{folder}: {MANIFEST} is not valid: {_faults(error)}") from error


def load(folder: Path) -> Release:
    """Read and verify every file of `folder`. Nothing that is already loaded is touched.

    Raises:
        ReleaseRefused: the manifest or a graph is missing, malformed or altered, a graph is there without being listed,
            a category has no member or no calibration, or the release was made with another preprocessing.
    """
    manifest = read_manifest(folder)
    if manifest.preprocessing != PREPROCESSING_VERSION:
        raise ReleaseRefused(
            f"{folder}: made with preprocessing {manifest.preprocessing}; this service has {PREPROCESSING_VERSION}"
        )
    for category in get_args(CategoryName):
        if category not in manifest.calibration or all(m.domain != category for m in manifest.members):
            raise ReleaseRefused(f"{folder}: no members or no calibration for {category}")
    parts = [part for member in manifest.members for part in member.files]
    graphs = {part.path: _read(folder, part) for part in parts}
    if unlisted := sorted(path.name for path in folder.glob("*.onnx") if path.name not in graphs):
        raise ReleaseRefused(f"{folder}: {', '.join(unlisted)} not listed in {MANIFEST}")
    return Release(folder, manifest, graphs)


def _faults(error: ValidationError) -> str:
    """The first faults, each with its place, in one line."""
    faults = [
        f"{'.'.join(map(str, fault['loc']))}: {fault['msg']}" if fault["loc"] else fault["msg"]
        for fault in error.errors(include_url=False)
    ]
    more = f" and {len(faults) - MOST_FAULTS} more" if len(faults) > MOST_FAULTS else ""
    return "; ".join(faults[:MOST_FAULTS]) + more


def _read(folder: Path, part: File) -> bytes:
    try:
        data = (folder / part.path).read_bytes()
    except OSError as error:
        raise ReleaseRefused(f"{folder}: {part.path} cannot be read: {error.strerror}") from error
    if len(data) != part.bytes or hashlib.sha256(data).hexdigest() != part.sha256:
        raise ReleaseRefused(f"{folder}: {part.path} does not match its checksum")
    return data
