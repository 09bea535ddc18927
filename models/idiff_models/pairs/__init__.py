"""Labelled pairs of photographs: one value for every file format, read by training, calibration and evaluation."""

from pathlib import Path

from idiff_models.pairs.challenge import read_challenge
from idiff_models.pairs.pair import LabelledPair, PairsError
from idiff_models.pairs.table import read_table

__all__ = ["LabelledPair", "PairsError", "read_pairs"]


def read_pairs(path: Path, root: Path | None = None) -> list[LabelledPair]:
    """Read a set of pairs: `.csv` (see `table`) or `.jsonl` (the RAIM challenge's, see `challenge`).

    `root`: the folder that paths in the file are relative to; its own folder by default. Photos are not opened, nor
    need they exist.

    Raises:
        PairsError: the file is no such list; names file, line and column.
    """
    readers = {".csv": read_table, ".jsonl": read_challenge}
    reader = readers.get(path.suffix.lower())
    if reader is None:
        raise PairsError(
            path, 0, f"pairs are read from .csv or .jsonl, not from {path.suffix or 'a file without suffix'!r}"
        )
    try:
        text = path.read_text(encoding="utf-8-sig")
    except OSError as error:
        raise PairsError(path, 0, f"cannot be read: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise PairsError(path, 0, "is not UTF-8 text") from error
    pairs = reader(path, text, root or path.parent)
    if not pairs:
        raise PairsError(path, 0, "holds no pairs")
    return pairs
