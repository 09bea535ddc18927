"""The steps from photographs to a measured release, as the command line runs them."""

import json
from dataclasses import asdict
from pathlib import Path
from typing import Literal

from idiff.answer.manifest import Manifest, Measured
from idiff.types import CategoryName
from idiff_models.answer.cache import build, read, split_names
from idiff_models.answer.card import write_card
from idiff_models.answer.members import train_all
from idiff_models.answer.photos import SHARES, Split, data_root
from idiff_models.answer.release import export_all, write_manifest
from idiff_models.answer.starter import DOMAINS, Plan
from idiff_models.answer.training import to_tensor
from idiff_models.evaluate.calibration import calibrate
from idiff_models.evaluate.camera_pairs import camera_pairs
from idiff_models.evaluate.intervals import Share
from idiff_models.evaluate.judging import Judged, judge_split
from idiff_models.evaluate.report import Report, summarise

PLAN = Plan()
VERSION = "starter-1"


def _photos(data: Path | None) -> Path:
    return (data or data_root()) / "photos"


def pairs(work: Path, data: Path | None, workers: int, plan: Plan = PLAN) -> None:
    """Render the scenes that training and its validation read."""
    cache, folder = work / "cache", _photos(data)
    build(folder, cache, "validation", plan.validation_pairs, 2, plan.seed, workers)
    build(folder, cache, "train", plan.train_scenes, plan.train_renditions, plan.seed, workers)


def train(work: Path, workers: int, plan: Plan = PLAN) -> None:
    """Train every member."""
    train_all(plan, work, workers)


def export(work: Path, out: Path, workers: int, plan: Plan = PLAN) -> None:
    """Export every member, compared with torch on real views."""
    size = plan.general.size
    views = read(work / "cache", "validation").views[:4, 0, :, :size, :size]
    out.mkdir(parents=True, exist_ok=True)
    members = export_all(work, out, to_tensor(views), plan.families, workers)
    write_manifest(out, VERSION, members, plan.provenance())


def release(work: Path, out: Path, data: Path | None, workers: int, plan: Plan = PLAN) -> None:
    """Judge the validation pairs with the exported graphs, fit both categories' calibration and write the manifest."""
    manifest = read_manifest(out)
    judged = _judge("validation", plan.validation_pairs, work, out, data, workers, plan)
    fitted = {domain: calibrate([row.logit for row in judged if row.category == domain]) for domain in DOMAINS}
    write_manifest(out, VERSION, list(manifest.members), plan.provenance(), fitted)


def evaluate(work: Path, out: Path, data: Path | None, workers: int, plan: Plan = PLAN) -> Report:
    """Judge the test pairs, and the validation pairs that choose the statistics' signs, and write the figures to
    manifest, `evaluation.json` and model card. Needs nothing but the release and the photographs."""
    validation = _judge("validation", plan.validation_pairs, work, out, data, workers, plan)
    test = _judge("test", plan.test_pairs, work, out, data, workers, plan)
    manifest = read_manifest(out)
    camera = camera_pairs((data or data_root()) / "camera_pairs", out)
    report = summarise(validation, test, manifest.calibration, camera)
    measured = [_measured("all", report.overall), *(_measured(name, report.by_category[name]) for name in DOMAINS)]
    manifest = write_manifest(
        out, VERSION, list(manifest.members), plan.provenance(), manifest.calibration, tuple(measured)
    )
    (work / "evaluation.json").write_text(json.dumps(asdict(report), indent=2) + "\n")
    photos = {split: len(split_names(_photos(data), split)) for split in SHARES}
    write_card(out, manifest, report, plan, photos)
    return report


def _judge(
    split: Split, count: int, work: Path, out: Path, data: Path | None, workers: int, plan: Plan
) -> list[Judged]:
    target = work / f"judged-{split}.json"
    return judge_split(out, _photos(data), plan.labels, split, count, plan.seed, workers, target)


def read_manifest(out: Path) -> Manifest:
    """The manifest of a release folder."""
    return Manifest.model_validate_json((out / "manifest.json").read_text())


def _measured(category: CategoryName | Literal["all"], share: Share) -> Measured:
    return Measured(
        data="degraded pairs of unseen photographs (test split of photos/)",
        category=category,
        pairs=share.pairs,
        accuracy=round(share.value, 4),
        command="idiff answer evaluate",
    )
