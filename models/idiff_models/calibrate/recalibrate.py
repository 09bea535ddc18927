"""From judged pairs to a new manifest: temperature, tie band and, for the weighted rule, the members' weights."""

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import get_args

from idiff.answer.manifest import Calibration, Manifest, Member, Reference
from idiff.answer.rules import combine
from idiff.intervals import share
from idiff.types import CategoryName, Rule
from idiff_models.calibrate.reference import FEWEST, reference_of
from idiff_models.evaluate.calibration import calibrate
from idiff_models.evaluate.pairwise import PairJudged


@dataclass(frozen=True)
class Wanted:
    """What the user asks for. `goal`: accuracy of the verdicts that are not too close, of which at most `most_ties` of
    the pairs are; a category of fewer than `min_pairs` keeps its calibration; `rule` None keeps the release's."""

    goal: float = 0.9
    most_ties: float = 0.5
    min_pairs: int = 30
    rule: Rule | None = None


@dataclass(frozen=True)
class Source:
    """The labelled pairs: name and SHA-256 of their file."""

    name: str
    sha256: str


class CannotCalibrate(ValueError):
    """The pairs do not allow what was asked for."""


def recalibrate(manifest: Manifest, judged: Sequence[PairJudged], source: Source, wanted: Wanted) -> Manifest:
    """A manifest of the same members, calibrated on `judged`; those without a target are ignored.

    Its version is the old one with a checksum of the new rule, weights and calibration after a plus sign. Measured
    figures are kept unless the members' votes now count differently; the reference becomes the pairs' photos where they
    are enough for one.

    Raises:
        CannotCalibrate: no category has enough pairs, or one has too few for another rule.
    """
    pairs: dict[CategoryName, list[PairJudged]] = {
        category: [pair for pair in judged if pair.category == category and pair.target is not None]
        for category in get_args(CategoryName)
    }
    enough = {category: found for category, found in pairs.items() if len(found) >= wanted.min_pairs}
    rule = wanted.rule or manifest.rule
    for category, found in pairs.items():
        if category not in enough and (rule != manifest.rule or not enough):
            what = f"the rule {rule} needs every category calibrated" if enough else "nothing to calibrate"
            raise CannotCalibrate(f"{what}: {category} has {len(found)} labelled pairs, fewer than {wanted.min_pairs}")
    members = tuple(_weighted(member, enough.get(member.domain, []), rule, wanted.rule) for member in manifest.members)
    calibration = dict(manifest.calibration)
    for category, found in enough.items():
        of_category = [member for member in members if member.domain == category]
        calibration[category] = _calibrated(found, of_category, rule, calibration[category], source, wanted)
    same = rule == manifest.rule and members == manifest.members
    update = {
        "created": datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
        "rule": rule,
        "members": members,
        "calibration": calibration,
        "measured": manifest.measured if same else (),
        "reference": _reference(judged, source) or manifest.reference,
    }
    new = Manifest.model_validate(manifest.model_copy(update=update).model_dump())
    judges = new.model_dump_json(include={"rule", "members", "calibration"})
    digest = hashlib.sha256(judges.encode()).hexdigest()
    return new.model_copy(update={"version": f"{manifest.version.split('+')[0]}+{digest[:8]}"})


def _reference(pairs: Sequence[PairJudged], source: Source) -> Reference | None:
    photos = [photo for pair in pairs if pair.features for photo in (pair.features.a, pair.features.b)]
    return reference_of(photos, source.name)


def _weighted(member: Member, pairs: Sequence[PairJudged], rule: Rule, asked: Rule | None) -> Member:
    """The member with its share of right votes as weight, where the weighted rule was asked for."""
    if rule != "weighted":
        return member.model_copy(update={"weight": 1.0})
    if asked is None or not pairs:
        return member
    right = share([pair.votes[member.name] * (_target(pair) - 0.5) for pair in pairs])
    return member.model_copy(update={"weight": max(1e-4, round(right.value, 4))})


def _calibrated(
    pairs: Sequence[PairJudged],
    members: Sequence[Member],
    rule: Rule,
    old: Calibration,
    source: Source,
    wanted: Wanted,
) -> Calibration:
    weights = [member.weight for member in members]
    return calibrate(
        [combine(rule, [pair.votes[member.name] for member in members], weights) for pair in pairs],
        [_target(pair) for pair in pairs],
        wanted.goal,
        wanted.most_ties,
        before=[pair.logit / old.temperature for pair in pairs],
        data=source.name,
        sha256=source.sha256,
    )


def _target(pair: PairJudged) -> float:
    assert pair.target is not None
    return pair.target


def report(old: Manifest, new: Manifest, judged: Sequence[PairJudged], wanted: Wanted) -> Iterator[str]:
    """What `recalibrate` did, a line a fact."""
    for category, now in new.calibration.items():
        before, fitted = old.calibration[category], now.fitted
        count = sum(pair.category == category and pair.target is not None for pair in judged)
        if count < wanted.min_pairs or fitted is None:
            yield f"{category}: {count} labelled pairs, fewer than {wanted.min_pairs}; it keeps its calibration"
            continue
        yield f"{category}: {fitted.pairs} labelled pairs of {fitted.data}"
        yield f"  temperature {before.temperature:g} -> {now.temperature:g}"
        yield f"  too close below {before.too_close:g} -> {now.too_close:g}"
        yield f"  expected calibration error {fitted.ece_before:.3f} -> {fitted.ece:.3f}"
        missed = "" if fitted.accuracy >= fitted.goal else ", not reached without more ties"
        right = f"{fitted.accuracy:.1%} of them right (goal {fitted.goal:.1%}{missed})"
        yield f"  {fitted.accepted:.1%} not too close, {right}"
    if new.reference == old.reference:
        yield f"reference of the drift of features: as before; a new one takes {FEWEST} photos"
    else:
        yield f"reference of the drift of features: {new.reference}"
    if new.rule != old.rule:
        yield f"rule {old.rule} -> {new.rule}; figures measured with the old one are left out"
    for before_, now_ in zip(old.members, new.members, strict=True):
        if before_.weight != now_.weight:
            yield f"{now_.name}: weight {before_.weight:g} -> {now_.weight:g}"
