"""Pseudo-labels (paper, 3.1): unlabelled pairs that the current ensemble is sure of become training pairs."""

import csv
import hashlib
import json
import math
import os
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path

from idiff.answer.release import load
from idiff.upload import MERGED_FIELDS, PHOTO_FIELDS
from idiff_models.evaluate.pairwise import PairJudged, judge_pairs
from idiff_models.pairs import LabelledPair, read_pairs

COLUMNS = ("name", *PHOTO_FIELDS, *MERGED_FIELDS, "target", "category", "kind", "confidence")


@dataclass(frozen=True)
class Provenance:
    """Where pseudo-labels are from; kept beside them as JSON.

    `manifest_sha256` names the release beyond its version. `scored` pairs had no label and could be judged, of which
    `kept` reached `confidence`: `kept_a` for A, `kept_by_category`. `labelled` were passed over. `failed`: why, by
    name.
    """

    source: str
    release: str
    manifest_sha256: str
    created: str
    confidence: float
    targets: str
    scored: int
    kept: int
    kept_a: int
    kept_by_category: Mapping[str, int]
    labelled: int
    failed: Mapping[str, str]


def pseudo_label(
    source: Path,
    release: Path,
    out: Path,
    confidence: float = 0.9,
    soft: bool = False,
    root: Path | None = None,
    workers: int = 1,
) -> Provenance:
    """Label the unlabelled pairs of `source` with the release and write those it is sure of to the CSV file `out`.

    `confidence`: least calibrated max(p, 1 - p) of a pair that is kept, 0.5-1. `soft`: the target is the probability
    that A is preferred, else 1 or 0. Paths in `out` are relative to its folder; its provenance is `out` with suffix
    `.json`. An exact tie is never kept.

    Raises:
        ValueError: the confidence is out of range. PairsError: `source` is no list of pairs. ReleaseRefused.
    """
    if not 0.5 <= confidence <= 1:
        raise ValueError(f"confidence is {confidence}; allowed is 0.5 to 1")
    if out.suffix != ".csv":
        raise ValueError(f"{out}: pseudo-labels are written as .csv")
    pairs = read_pairs(source, root)
    unlabelled = [pair for pair in pairs if pair.target is None]
    manifest = load(release).manifest
    rows = judge_pairs(unlabelled, release, workers, statistics=False, swapped=False)
    judged = [(pair, row) for pair, row in zip(unlabelled, rows, strict=True) if row.error is None]
    kept = [(pair, row) for pair, row in judged if row.logit and row.confidence >= confidence]
    provenance = Provenance(
        source=source.name,
        release=manifest.version,
        manifest_sha256=hashlib.sha256((release / "manifest.json").read_bytes()).hexdigest(),
        created=datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
        confidence=confidence,
        targets="soft" if soft else "hard",
        scored=len(judged),
        kept=len(kept),
        kept_a=sum(row.logit > 0 for _, row in kept),
        kept_by_category={name: sum(row.category == name for _, row in kept) for name in ("person", "scene")},
        labelled=len(pairs) - len(unlabelled),
        failed={row.name: row.error for row in rows if row.error is not None},
    )
    out.parent.mkdir(parents=True, exist_ok=True)
    with out.open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, COLUMNS, restval="")
        writer.writeheader()
        writer.writerows(_record(pair, row, out.parent, soft) for pair, row in kept)
    out.with_suffix(".json").write_text(json.dumps(asdict(provenance), indent=2) + "\n", encoding="utf-8")
    return provenance


def _record(pair: LabelledPair, row: PairJudged, folder: Path, soft: bool) -> dict[str, str]:
    target = row.probability if soft else float(row.logit > 0)
    return {
        "name": pair.name,
        **{field: os.path.relpath(path, folder) for field, path in pair.images.items()},
        "target": f"{target:.6g}",
        "category": row.category or "",
        "kind": pair.kind,
        "confidence": f"{math.floor(1e6 * row.confidence) / 1e6:.6f}",
    }
