"""The model card: what a release is, how it was made, what it measures and where it fails, in plain words."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from idiff.answer.manifest import Manifest
from idiff.intervals import Share
from idiff_models.answer import logbook
from idiff_models.answer.photos import Split
from idiff_models.answer.starter import Plan
from idiff_models.evaluate.calibration import WANTED
from idiff_models.evaluate.markdown import percent, shares, table
from idiff_models.evaluate.samples import GROUPS
from idiff_models.evaluate.summary import SimpleJudge, Summary

TEMPLATE = Path(__file__).with_name("card.md")
BEFORE = """
That is the last round. What it goes on from, in `{start}`, earlier releases' code made on scenes of other seeds, the
first from random weights: `models/releases/remake.sh FAMILY` trains a family's members again through every round, each
with the code, seeds and recipe of its commit."""
FEW = 5
"""Kinds with fewer pairs are not named among the weakest."""


@dataclass(frozen=True)
class Evidence:
    """All that a card reports. `masked`: accuracy with one view hidden, by its name; `camera`: None where City100 was
    absent; `photos`: how many photographs each split has; `people`: of how many of them people are the subject."""

    manifest: Manifest
    test: Summary
    masked: Mapping[str, Share]
    camera: Summary | None
    photos: Mapping[Split, int]
    people: int
    plan: Plan


def by_group(by_kind: Mapping[str, Share]) -> dict[str, Share]:
    """Kinds put together as `samples.GROUPS` says."""
    found = {}
    for group, kinds in GROUPS.items():
        known = [by_kind[kind] for kind in kinds if kind in by_kind]
        if known:
            found[group] = Share(sum(part.right for part in known), sum(part.pairs for part in known))
    return found


def average(found: Mapping[str, Share]) -> float:
    """The mean of the shares' values."""
    return sum(part.value for part in found.values()) / len(found)


def _judges(summary: Summary) -> str:
    """The release and every simple judge by group."""
    groups = by_group(summary.by_kind)

    def row(name: str, overall: Share, by_kind: Mapping[str, Share]) -> list[str]:
        found = by_group(by_kind)
        cells = [f"{100 * found[group].value:.0f}" if group in found else "" for group in groups]
        return [name, f"{100 * overall.value:.1f}", f"{100 * average(found):.1f}", *cells]

    def named(judge: SimpleJudge) -> str:
        return f"{judge.name} ({'higher' if judge.higher else 'lower'})"

    simple = sorted(summary.simple, key=lambda judge: -average(by_group(judge.by_kind)))
    rows = [[*row(named(judge), judge.overall, judge.by_kind), *_same(judge)] for judge in simple]
    return table(
        ("judge (better is)", "all", "average", *groups, "pairs", "release on these"),
        [[*row("**release**", summary.overall, summary.by_kind), str(summary.pairs), ""], *rows],
    )


def _same(judge: SimpleJudge) -> tuple[str, str]:
    """The pairs that it judged, and how often the release is right on them."""
    return str(judge.overall.pairs), f"{100 * judge.release.value:.1f}"


def _members(manifest: Manifest, summary: Summary) -> str:
    rows = [
        (m.name, f"{m.parameters:,}", f"{m.megabytes:.1f}", str(summary.by_member[m.name])) for m in manifest.members
    ]
    return table(("member", "parameters", "MB", "right on its category, 95 % interval"), rows)


def _calibration(manifest: Manifest) -> str:
    rows = []
    for name, c in manifest.calibration.items():
        fitted = c.fitted
        reached = (percent(fitted.accuracy), percent(fitted.accepted), f"{fitted.ece:.3f}") if fitted else ("", "", "")
        rows.append((name, f"{c.temperature:.3f}", f"{c.too_close:.3f}", *reached))
    head = ("category", "temperature", "too close below", "right of the accepted", "accepted", "ECE")
    return table(head, rows)


def _runs(out: Path) -> str:
    head = ("run", "seed", "steps", "loss at 25 %", "50 %", "75 %", "100 %", "validation", "photos/s")
    rows = [
        (run.run, run.seed, str(run.steps), *run.losses, f"{float(run.accuracy):.3f}", f"{run.photos_per_s:.0f}")
        for run in logbook.read(out)
    ]
    return table(head, rows)


def _camera(camera: Summary | None) -> str:
    if camera is None:
        return "Not measured: the photographs were absent."
    return table(("category it was routed to", "pairs", "right, 95 % interval"), shares(camera.by_category))


def write_card(out: Path, evidence: Evidence) -> None:
    """Fill `card.md` with the figures and write `MODEL_CARD.md` into the release folder."""
    manifest, summary, plan = evidence.manifest, evidence.test, evidence.plan
    groups = by_group(summary.by_kind)
    whole = [judge for judge in summary.simple if judge.overall.pairs == summary.pairs]
    simple = max(whole, key=lambda judge: average(by_group(judge.by_kind)))
    common = [(kind, part) for kind, part in summary.by_kind.items() if part.pairs >= FEW]
    weakest = sorted(common, key=lambda item: item[1].value)[:4]
    files = {part.path: part.bytes for member in manifest.members for part in member.files}
    text = TEMPLATE.read_text().format(
        version=manifest.version,
        created=manifest.created,
        preprocessing=manifest.preprocessing,
        megabytes=f"{sum(files.values()) / 1e6:.1f}",
        members=_members(manifest, summary),
        plan=plan,
        start=f", going on from the general members of {plan.start.name}" if plan.start else "",
        before=BEFORE.format(start=plan.start) if plan.start else "",
        photos=evidence.photos,
        all_photos=sum(evidence.photos.values()),
        people=evidence.people,
        runs=_runs(out),
        summary=summary,
        coverage=percent(summary.coverage),
        missed=""
        if summary.accepted.value >= WANTED
        else f", fewer than the {percent(WANTED)} of the validation photographs",
        average=percent(average(groups)),
        ece=f"{summary.ece:.3f}",
        brier=f"{summary.brier:.3f}",
        simple=simple.name,
        simple_average=percent(average(by_group(simple.by_kind))),
        groups=table(("what differs", "pairs", "right, 95 % interval"), shares(groups)),
        kinds=table(("kind", "pairs", "right, 95 % interval"), shares(summary.by_kind)),
        categories=table(("category", "pairs", "right, 95 % interval"), shares(summary.by_category)),
        rules=table(("rule", "pairs", "right, 95 % interval"), shares(summary.by_rule)),
        masked=table(("the same in both photos", "pairs", "right, 95 % interval"), shares(evidence.masked)),
        calibration=_calibration(manifest),
        reference=manifest.reference or "no photos",
        judges=_judges(summary),
        camera=_camera(evidence.camera),
        weakest=", ".join(f"{kind} ({100 * part.value:.0f} %)" for kind, part in weakest),
    )
    (out / "MODEL_CARD.md").write_text(text)
