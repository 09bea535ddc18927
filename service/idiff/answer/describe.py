"""A release in words: what its manifest says, and what differs between two."""

import hashlib
from collections.abc import Iterator, Sequence
from typing import Any

from idiff.answer.manifest import Calibration, Manifest, Measured, Member, Reference


def describe(manifest: Manifest) -> Iterator[str]:
    """The manifest as lines for a terminal."""
    yield f"Release {manifest.version}, made {manifest.created}, preprocessing {manifest.preprocessing}"
    yield f"Rule {manifest.rule}"
    yield ""
    head = "Member", "Backbone", "Views", "Precision", "MB", "Parameters", "Weight"
    yield from _table([head, *map(_row, manifest.members)])
    yield ""
    for category, calibration in manifest.calibration.items():
        yield f"Calibration, {category}: {_calibration(calibration)}"
        yield from (f"  {line}" for line in _fitted(calibration))
    if manifest.measured:
        yield ""
        yield "Measured"
        yield from (f"  {_measured(record)}, {record.data} ({record.command})" for record in manifest.measured)
    if manifest.reference:
        yield ""
        yield f"Reference of the drift of features: {manifest.reference}"
    if manifest.training:
        yield ""
        yield "Training"
        yield from (f"  {key}: {value}" for key, value in manifest.training.items())


def differences(old: Manifest, new: Manifest) -> Iterator[str]:
    """What changed from `old` to `new`, a line each; nothing where they say the same."""
    for name in ("version", "created", "preprocessing", "rule"):
        yield from _changed(name, getattr(old, name), getattr(new, name))
    was, now = ({member.name: member for member in manifest.members} for manifest in (old, new))
    yield from (f"member {name}: removed" for name in was if name not in now)
    yield from (f"member {name}: added" for name in now if name not in was)
    for name, member in now.items():
        if name in was and was[name] != member:
            yield f"member {name}: {', '.join(_member_changes(was[name], member))}"
    for category in sorted(old.calibration.keys() | new.calibration.keys()):
        before, after = (manifest.calibration.get(category) for manifest in (old, new))
        yield from _changed(f"calibration, {category}", *(found and _calibration(found) for found in (before, after)))
        said, says = (list(_fitted(found)) if found else [] for found in (before, after))
        yield from (f"calibration, {category}: no longer {line}" for line in said if line not in says)
        yield from (f"calibration, {category}: {line}" for line in says if line not in said)
    yield from _side_by_side(old.measured, new.measured)
    yield from _changed(
        "reference", old.reference and _reference(old.reference), new.reference and _reference(new.reference)
    )
    for key in sorted(old.training.keys() | new.training.keys()):
        yield from _changed(f"training, {key}", old.training.get(key), new.training.get(key))


def _row(member: Member) -> tuple[str, ...]:
    views = f"{1 + member.tiles} x {member.input_size}"
    count = f"{member.parameters:,}"
    return member.name, member.backbone, views, member.precision, f"{member.megabytes:.1f}", count, f"{member.weight:g}"


def _table(rows: Sequence[tuple[str, ...]]) -> Iterator[str]:
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    for row in rows:
        yield "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()


def _calibration(calibration: Calibration) -> str:
    return f"temperature {calibration.temperature:g}, too close below {calibration.too_close:g}"


def _fitted(calibration: Calibration) -> Iterator[str]:
    """What a calibration was fitted on and what it reached there; nothing where that is unknown."""
    if fitted := calibration.fitted:
        file = f", sha256 {fitted.sha256}" if fitted.sha256 else ""
        yield f"fitted on {fitted.data} ({fitted.pairs} pairs{file})"
        right = f"{fitted.accuracy:.1%} right (goal {fitted.goal:.1%})"
        yield f"{fitted.accepted:.1%} of them not too close, and of these {right}"
        yield f"expected calibration error {fitted.ece:.3f}, before {fitted.ece_before:.3f}"


def _measured(record: Measured) -> str:
    return f"{record.category} {record.accuracy:.2%} of {record.pairs} pairs"


def _reference(reference: Reference) -> str:
    """Told apart by a checksum where it is of other figures of the same name."""
    return f"{reference}, sha256 {hashlib.sha256(reference.model_dump_json().encode()).hexdigest()[:12]}"


def _changed(name: str, old: object, new: object) -> Iterator[str]:
    if old != new:
        yield f"{name}: {'none' if old is None else old} -> {'none' if new is None else new}"


def _member_changes(old: Member, new: Member) -> Iterator[str]:
    """Graphs by checksum, everything else by value."""
    was, now = old.model_dump(), new.model_dump()
    for name, value in now.items():
        before: Any = was[name]
        if name in ("frontend", "encoder", "head") and before != value:
            was_of, now_of = (file["sha256"][:12] if file else "none" for file in (before, value))
            yield f"{name} {was_of} -> {now_of}"
        elif before != value:
            yield f"{name} {before} -> {value}"


def _side_by_side(old: Sequence[Measured], new: Sequence[Measured]) -> Iterator[str]:
    was, now = ({(record.data, record.category): record for record in records} for records in (old, new))
    for key in dict.fromkeys((*was, *now)):
        before, after = (None if found is None else _measured(found) for found in (was.get(key), now.get(key)))
        yield from _changed(f"measured, {key[0]}", before, after)
