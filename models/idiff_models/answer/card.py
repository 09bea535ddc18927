"""The model card: what a release is, how it was made, what it measures and where it fails, in plain words."""

from collections.abc import Mapping, Sequence
from pathlib import Path

from idiff.answer.manifest import Manifest
from idiff_models.answer.photos import Split
from idiff_models.answer.starter import Plan
from idiff_models.evaluate.intervals import Share
from idiff_models.evaluate.report import Report

TEMPLATE = Path(__file__).with_name("card.md")


def _table(head: tuple[str, ...], rows: Sequence[tuple[str, ...]]) -> str:
    lines = [head, ("---",) * len(head), *rows]
    return "\n".join(f"| {' | '.join(cells)} |" for cells in lines)


def _shares(name: str, shares: dict[str, Share]) -> str:
    return _table((name, "pairs", "right, 95 % interval"), [(key, str(s.pairs), str(s)) for key, s in shares.items()])


def write_card(out: Path, manifest: Manifest, report: Report, plan: Plan, photos: Mapping[Split, int]) -> None:
    """Fill `card.md` with the figures of `report` and write `MODEL_CARD.md` into the release folder.

    `photos`: how many photographs each split has.
    """
    best = report.best_statistic
    size = sum(part.bytes for member in manifest.members for part in (member.encoder, member.head))
    weakest = sorted(report.by_kind.items(), key=lambda item: item[1].value)[:3]
    calibration = [
        (
            name,
            f"{c.temperature:.3f}",
            f"{c.too_close:.3f}",
            str(report.accepted[name]),
            str(report.accepted[name].pairs),
        )
        for name, c in manifest.calibration.items()
    ]
    statistics = [(s.name, "higher" if s.higher else "lower", str(s.test)) for s in report.statistics]
    text = TEMPLATE.read_text().format(
        version=manifest.version,
        created=manifest.created,
        preprocessing=manifest.preprocessing,
        megabytes=f"{size / 1e6:.1f}",
        members=_table(
            ("member", "parameters", "MB", "right on test pairs of its category, 95 % interval"),
            [
                (
                    m.name,
                    f"{m.parameters:,}",
                    f"{(m.encoder.bytes + m.head.bytes) / 1e6:.1f}",
                    str(report.by_member[m.name]),
                )
                for m in manifest.members
            ],
        ),
        train_scenes=plan.train_scenes,
        renditions=plan.train_renditions,
        validation_pairs=plan.validation_pairs,
        general_steps=plan.general.steps,
        specialist_steps=plan.specialist.steps,
        general_lr=plan.general.lr,
        specialist_lr=plan.specialist.lr,
        batch=plan.general.batch,
        side=plan.general.size,
        seed=plan.seed,
        test_pairs=report.overall.pairs,
        photos=sum(photos.values()),
        train_photos=photos["train"],
        validation_photos=photos["validation"],
        test_photos=photos["test"],
        overall=report.overall,
        brier=f"{report.brier:.3f}",
        best_name=best.name,
        best=best.test,
        categories=_shares("category", report.by_category),
        kinds=_shares("what differs", report.by_kind),
        calibration=_table(("category", "temperature", "too close below", "right of the rest", "rest"), calibration),
        statistics=_table(("statistic", "taken as better", "right, 95 % interval"), statistics),
        camera=_shares("camera", report.camera),
        weakest=", ".join(f"{kind.replace('_', ' ')} ({100 * share.value:.0f} %)" for kind, share in weakest),
    )
    (out / "MODEL_CARD.md").write_text(text)
