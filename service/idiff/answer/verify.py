"""Whether a release can be served as it says: files, graphs, and the two promises that every member makes."""

from collections.abc import Iterator
from pathlib import Path
from typing import Final

import numpy as np

from idiff.answer.reader import VIEWS, readers
from idiff.answer.release import load
from idiff.answer.session import Tensor
from idiff.answer.specialist import Specialist
from idiff.errors import ReleaseRefused

PHOTOS: Final = 4
"""Random photos that every member encodes, together and one by one."""
SWAP: Final = 1e-6
"""Greatest part of a logit that may remain when the logits of a pair and of its swap are added."""
BATCH: Final = 1e-3
"""Greatest difference, of the embedding's largest value, between photos encoded together and one by one."""


def verify(folder: Path) -> Iterator[str]:
    """Check the release in `folder` on the CPU provider; yields a line for each check it passes.

    Raises:
        ReleaseRefused: at the first check it fails.
    """
    release = load(folder)
    members = release.manifest.members
    size = sum(map(len, release.graphs.values())) / 1e6
    yield f"manifest: {release.manifest.version}, {len(members)} members, rule {release.manifest.rule}"
    yield f"checksums: {len(release.graphs)} graphs, {size:.1f} MB"
    reader = readers(release, "cpu")
    for member in members:
        specialist = Specialist.load(member, release, reader[member.name], "cpu")
        specialist.warm()
        yield f"{member.name}: loads and runs, opset {member.opset}, {_shape(specialist)}"
        name = f"{folder}: {member.name}"
        views = _photos(specialist)
        alone = np.concatenate([specialist.encode(specialist.reader.prepare(views[[row]])) for row in range(PHOTOS)])
        yield f"{member.name}: {_antisymmetric(name, specialist, alone)}"
        yield f"{member.name}: {_batch_independent(name, specialist, views, alone)}"


def _shape(specialist: Specialist) -> str:
    extents = ", ".join(map(str, specialist.reader.shape))
    behind = " behind a front end" if specialist.reader.frontend else ""
    return f"{VIEWS} (n, {extents}){behind} to {specialist.member.embedding} numbers"


def _photos(specialist: Specialist) -> Tensor:
    """Random normalised views, float32 (PHOTOS, 1 + tiles, 3, side, side): coarse structure under fine grain."""
    rng = np.random.default_rng(0)
    *of, side, _ = specialist.reader.shape
    coarse = rng.normal(size=(PHOTOS, *of, -(-side // 16), -(-side // 16)))
    grown = coarse.repeat(16, -2).repeat(16, -1)[..., :side, :side]
    return (grown + rng.normal(scale=0.3, size=grown.shape)).astype(np.float32)


def _antisymmetric(name: str, specialist: Specialist, photos: Tensor) -> str:
    """Swapping negates, and a photo equals itself, on every pair of embeddings."""
    a, b = np.repeat(photos, PHOTOS, 0), np.tile(photos, (PHOTOS, 1))
    logits, swapped = specialist.head(a=a, b=b), specialist.head(a=b, b=a)
    if not np.isfinite(logits).all():
        raise ReleaseRefused(f"{name}: gives logits that are not finite numbers")
    rest = float(np.abs(logits + swapped).max())
    if rest > SWAP * max(1.0, float(np.abs(logits).max())):
        raise ReleaseRefused(f"{name}: swapping the photos does not negate the logit, {rest:.2g} remains")
    if not np.ptp(logits):
        raise ReleaseRefused(f"{name}: gives every pair the same logit, whatever the photos")
    return f"swapping negates the logit, {rest:.1g} remains"


def _batch_independent(name: str, specialist: Specialist, views: Tensor, alone: Tensor) -> str:
    if specialist.member.precision == "int8":
        return "int8: its scales depend on the batch, so the service encodes one photo a call; not compared"
    together = specialist.encode(specialist.reader.prepare(views))
    difference = float(np.abs(together - alone).max() / max(1e-6, float(np.abs(alone).max())))
    if not difference <= BATCH:
        raise ReleaseRefused(f"{name}: an embedding changes by {100 * difference:.2g} % with the photos beside it")
    return f"photos do not change each other, {difference:.1g} of the embedding's range"
