"""The steps from photographs to the measured starter release, as the command line runs them."""

from collections.abc import Sequence
from pathlib import Path
from typing import Literal

from idiff.answer.manifest import Measured
from idiff.answer.release import read_manifest
from idiff.intervals import Share
from idiff.types import CategoryName
from idiff_models.answer import logbook
from idiff_models.answer.cache import Drawn, build, split_names
from idiff_models.answer.card import Evidence, write_card
from idiff_models.answer.members import train_all
from idiff_models.answer.photos import SHARES, Split, categories, data_root
from idiff_models.answer.reference import measure_scenes
from idiff_models.answer.release import DOMAINS, export_all, write_manifest
from idiff_models.answer.starter import TABLES_SCENES, Plan, member_folder, tables_run
from idiff_models.answer.training import RunError
from idiff_models.answer.training.checkpoint import MEMBER
from idiff_models.calibrate.reference import reference_of
from idiff_models.evaluate.calibration import calibrate
from idiff_models.evaluate.judges import available
from idiff_models.evaluate.judging import Masked, Test, judge_test
from idiff_models.evaluate.markdown import Subject, to_json
from idiff_models.evaluate.pairwise import PairJudged, judge_pairs
from idiff_models.evaluate.plots import reliability_plot, risk_coverage_plot
from idiff_models.evaluate.summary import Summary, arrays, summarise
from idiff_models.evaluate.tables import make_tables, to_markdown
from idiff_models.pairs import read_pairs

PLAN = Plan()
VERSION = "starter-7"
JUDGED_PAIRS = 60
"""Test pairs that NIQE and its kin judge, where they are installed: they take seconds a pair."""
MASKED_PAIRS = 150
"""Test pairs that are judged again with one view hidden."""
REFERENCE_SCENES = 1000
"""Training scenes whose renditions are the release's reference."""


def _photos(data: Path | None) -> Path:
    return (data or data_root()) / "photos"


def pairs(work: Path, data: Path | None, workers: int, plan: Plan = PLAN) -> None:
    """Render the scenes that training and its validation read."""
    cache, folder, labels = work / "cache", _photos(data), categories(plan.labels)
    sizes: dict[Split, int] = {"validation": plan.validation_scenes, "train": plan.train_scenes}
    for split, count in sizes.items():
        build(folder, cache, split, Drawn(count, plan.renditions, plan.seed), workers, labels)


def tables(work: Path, out: Path, data: Path | None, workers: int, plan: Plan = PLAN) -> str:
    """The structure of the paper's Tables 2 and 3 on degraded pairs, small; also written to `TABLES.md`."""
    folder, labels = work / "tables", categories(plan.labels)
    for split, count in TABLES_SCENES.items():
        build(_photos(data), folder / "cache", split, Drawn(count, 2, plan.seed), workers, labels)
    base = tables_run(folder / "cache")
    made = to_markdown(make_tables(base, folder, plan.families, workers=workers), base)
    text = f"# The paper's tables on degraded pairs\n\n`idiff starter tables`. {made}\n"
    (out / "TABLES.md").write_text(text)
    return text


def begun(plan: Plan) -> None:
    """Raise RunError where the earlier release that `plan` goes on from is absent."""
    members = [member_folder(plan.start, family, None) / MEMBER for family in plan.families] if plan.start else []
    if absent := [path for path in members if not path.is_file()]:
        raise RunError(f"no {absent[0]}, which the plan goes on from; MODEL_CARD.md says what makes it")


def train(work: Path, workers: int, plan: Plan = PLAN, families: Sequence[str] | None = None) -> None:
    """Train every member, or those of some families.

    Raises:
        RunError: a run fails, or what the plan goes on from is not there.
    """
    begun(plan)
    train_all(plan, work, workers, families or plan.families)


def export(work: Path, out: Path, workers: int, plan: Plan = PLAN) -> None:
    """Export every specialist, held against torch and fp32 on held-out scenes."""
    runs = [member_folder(work, family, domain) for domain in DOMAINS for family in plan.families]
    export_all(runs, out, work / "cache", "fp16", plan.tiles, workers, VERSION, plan.provenance())
    logbook.collect(work, plan, out)


def referred(out: Path, data: Path | None, workers: int, plan: Plan = PLAN) -> None:
    """Measure the first training scenes and write how their features are distributed to the manifest."""
    drawn = Drawn(min(REFERENCE_SCENES, plan.train_scenes), plan.renditions, plan.seed)
    photos = measure_scenes(_photos(data), drawn, workers)
    reference = reference_of(photos, f"renditions of {drawn.scenes} training scenes")
    write_manifest(out, read_manifest(out).model_copy(update={"reference": reference}))


def calibrated(out: Path, data: Path | None, workers: int, plan: Plan = PLAN) -> None:
    """Judge the validation pairs with the exported graphs, fit both categories' calibration and write the manifest."""
    manifest = read_manifest(out)
    rows = judge_test(out, Test(_photos(data), plan.labels, "validation", plan.validation_pairs, plan.seed), workers)
    fitted = {domain: calibrate(*_logits(rows, domain), data=_data("validation")) for domain in DOMAINS}
    write_manifest(out, manifest.model_copy(update={"calibration": fitted, "measured": ()}))


def evaluate(work: Path, out: Path, data: Path | None, workers: int, plan: Plan = PLAN) -> Summary:
    """Judge the test pairs, beside every statistic and the judges that are installed, and write the figures to
    manifest, `evaluation.json` and the model card with its plots. Needs nothing but the release and the photographs.

    Raises:
        RunError: the release was made by another plan than the one that its card would describe.
    """
    manifest = read_manifest(out)
    if other := [key for key, value in plan.provenance().items() if manifest.training.get(key) != value]:
        raise RunError(f"{out} was made with another {other[0]}: {manifest.training.get(other[0])}")
    judged = {"judges": available(), "judged": JUDGED_PAIRS}
    test = Test(_photos(data), plan.labels, "test", plan.test_pairs, plan.seed, **judged)
    rows = judge_test(out, test, workers)
    weights = {member.name: member.weight for member in manifest.members}
    summary = summarise(rows, weights)
    hidden: tuple[Masked, ...] = ("global", "crop")
    masked = {view: summarise(judge_test(out, _again(test, plan, view), workers), weights).overall for view in hidden}
    measured = _measured("all", summary.overall), *(_measured(name, summary.by_category[name]) for name in DOMAINS)
    manifest = manifest.model_copy(update={"measured": measured})
    write_manifest(out, manifest)
    work.mkdir(parents=True, exist_ok=True)
    subject = Subject(_data("test"), manifest, "idiff starter evaluate")
    (work / "evaluation.json").write_text(to_json(summary, subject, rows) + "\n")
    probabilities, outcomes = arrays(rows)
    reliability_plot(probabilities, outcomes, out / "reliability.png")
    accepted = summary.coverage, 1 - summary.accepted.value
    risk_coverage_plot(probabilities, outcomes, out / "risk_coverage.png", accepted=accepted)
    photos = {split: len(split_names(_photos(data), split)) for split in SHARES}
    people = sum(category == "person" for category in categories(plan.labels).values())
    evidence = Evidence(manifest, summary, masked, _camera(out, data, weights), photos, people, plan)
    write_card(out, evidence)
    return summary


def _again(test: Test, plan: Plan, view: Masked) -> Test:
    return Test(test.folder, test.labels, "test", min(MASKED_PAIRS, plan.test_pairs), plan.seed, view)


def _camera(out: Path, data: Path | None, weights: dict[str, float]) -> Summary | None:
    """City100 through the whole pipeline; None where it is absent."""
    path = (data or data_root()) / "camera_pairs" / "pairs.csv"
    return summarise(judge_pairs(read_pairs(path), out), weights) if path.exists() else None


def _logits(rows: Sequence[PairJudged], domain: CategoryName) -> tuple[list[float], list[float]]:
    chosen = [row for row in rows if row.category == domain and row.target is not None]
    return [row.logit for row in chosen], [row.target for row in chosen if row.target is not None]


def _data(split: Split) -> str:
    return f"degraded pairs of the photographs of the {split} split"


def _measured(category: CategoryName | Literal["all"], share: Share) -> Measured:
    return Measured(
        data=_data("test"),
        category=category,
        pairs=share.pairs,
        accuracy=round(share.value, 4),
        command="idiff starter evaluate",
    )
