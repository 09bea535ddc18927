"""Loading a release folder: whole or not at all."""

import hashlib
from dataclasses import dataclass
from pathlib import Path

from pydantic import ValidationError

from idiff.answer.manifest import File, Manifest
from idiff.errors import ReleaseRefused
from idiff.imaging import PREPROCESSING_VERSION


@dataclass(frozen=True, slots=True)
class Release:
    """A verified release: its manifest, and each graph's bytes by file name, exactly as the checksums were taken of."""

    manifest: Manifest
    graphs: dict[str, bytes]


def load(folder: Path) -> Release:
    """Read and verify every file of `folder`.

    Raises:
        ReleaseRefused: the manifest or a file is missing, malformed or altered, a category has no member or no
            calibration, or the release was made with another preprocessing.
    """
    try:
        manifest = Manifest.model_validate_json((folder / "manifest.json").read_bytes())
    except OSError as error:
        raise ReleaseRefused(f"{folder}: manifest.json cannot be read: {error.strerror}") from error
    except ValidationError as error:
        raise ReleaseRefused(f"{folder}: manifest.json is not valid: {error}") from error
    if manifest.preprocessing != PREPROCESSING_VERSION:
        raise ReleaseRefused(
            f"{folder}: made with preprocessing {manifest.preprocessing}; this service has {PREPROCESSING_VERSION}"
        )
    for category in ("person", "scene"):
        if category not in manifest.calibration or all(m.domain != category for m in manifest.members):
            raise ReleaseRefused(f"{folder}: no members or no calibration for {category}")
    parts = [part for member in manifest.members for part in (member.encoder, member.head)]
    return Release(manifest, {part.path: _read(folder, part) for part in parts})


def _read(folder: Path, part: File) -> bytes:
    try:
        data = (folder / part.path).read_bytes()
    except OSError as error:
        raise ReleaseRefused(f"{folder}: {part.path} cannot be read: {error.strerror}") from error
    if len(data) != part.bytes or hashlib.sha256(data).hexdigest() != part.sha256:
        raise ReleaseRefused(f"{folder}: {part.path} does not match its checksum")
    return data
