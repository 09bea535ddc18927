"""What a release measures on unseen scenes, as one record: for the manifest, the model card and a JSON file."""

from collections.abc import Sequence
from dataclasses import dataclass

from idiff.answer.ensemble import sigmoid
from idiff.answer.manifest import Calibration
from idiff.types import CategoryName
from idiff_models.evaluate.intervals import Share, share
from idiff_models.evaluate.judging import Judged
from idiff_models.evaluate.statistics import Single, singles

CATEGORIES: tuple[CategoryName, ...] = ("person", "scene")


@dataclass(frozen=True)
class Report:
    """Accuracies on the test pairs. `accepted` are the verdicts not called too close; `brier` is of all verdicts."""

    overall: Share
    by_category: dict[str, Share]
    by_kind: dict[str, Share]
    by_member: dict[str, Share]
    accepted: dict[str, Share]
    brier: float
    statistics: list[Single]
    camera: dict[str, Share]

    @property
    def best_statistic(self) -> Single:
        """The single statistic that does best on the test pairs."""
        return self.statistics[0]


def _grouped(rows: Sequence[Judged], key: str) -> dict[str, Share]:
    names = sorted({getattr(row, key) for row in rows})
    return {name: share([row.logit for row in rows if getattr(row, key) == name]) for name in names}


def summarise(
    validation: Sequence[Judged],
    test: Sequence[Judged],
    calibration: dict[CategoryName, Calibration],
    camera: dict[str, Share],
) -> Report:
    """Put the test pairs' outcomes together; the validation pairs only choose each statistic's sign."""
    members = sorted({name for row in test for name in row.votes})
    calibrated = [(row, row.logit / calibration[_category(row)].temperature) for row in test]
    accepted: dict[str, Share] = {
        name: share(
            [
                logit
                for row, logit in calibrated
                if row.category == name and sigmoid(abs(logit)) >= calibration[name].too_close
            ]
        )
        for name in CATEGORIES
    }
    return Report(
        overall=share([row.logit for row in test]),
        by_category=_grouped(test, "category"),
        by_kind=_grouped(test, "kind"),
        by_member={name: share([row.votes[name] for row in test if name in row.votes]) for name in members},
        accepted=accepted,
        brier=sum((1 - sigmoid(logit)) ** 2 for _, logit in calibrated) / len(calibrated),
        statistics=singles(validation, test),
        camera=camera,
    )


def _category(row: Judged) -> CategoryName:
    return "person" if row.category == "person" else "scene"
