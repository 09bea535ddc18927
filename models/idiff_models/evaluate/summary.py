"""What a release measures on a labelled set: every figure of `idiff evaluate`, from judged pairs alone."""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from idiff.answer.rules import combine
from idiff.intervals import Share, share
from idiff.types import Rule
from idiff_models.evaluate.calibration import expected_calibration_error
from idiff_models.evaluate.pairwise import PairJudged
from idiff_models.evaluate.reliability import brier, risk_coverage

RULES: tuple[Rule, ...] = ("mean", "majority", "weighted")
BANDS = (0.5, 0.6, 0.7, 0.8, 0.9, 0.95, 1.0)
"""Edges of the confusion table's bands of confidence."""

LOWER = ("noise_sigma", "under_exposed", "over_exposed", "brisque", "piqe", "niqe")
"""Statistics and judges of which less is taken as better; of all others more. Fixed, not fitted to the pairs."""


@dataclass(frozen=True)
class SimpleJudge:
    """One statistic of one view, or one no-reference judge, deciding alone. `average`: over kinds; `release`: how often
    the release is right on the pairs that this judge judged."""

    name: str
    higher: bool
    overall: Share
    average: float
    by_kind: Mapping[str, Share]
    release: Share


@dataclass(frozen=True)
class Swapped:
    """How the release took the pairs swapped. `worst`: largest |logit + swapped logit|; `changed`: by what changed."""

    pairs: int
    exact: int
    worst: float
    changed: Mapping[str, tuple[str, ...]]


@dataclass(frozen=True)
class Confusion:
    """One band of confidence and one label: how many pairs got which verdict."""

    low: float
    high: float
    label: str
    a: int
    b: int
    too_close: int


@dataclass(frozen=True)
class Summary:
    """Figures of the pairs whose label prefers one photo; `equal` and `unlabelled` are the others that were judged.

    `average`: mean of the kinds' accuracies. `accepted`: of verdicts not too close, `coverage` their share.
    `equal_too_close`: share of the pairs labelled equal that are called too close. `risk_area`: under the risk-coverage
    curve. `failed`: error by name.
    """

    pairs: int
    equal: int
    unlabelled: int
    failed: Mapping[str, str]
    overall: Share
    average: float
    by_category: Mapping[str, Share]
    by_kind: Mapping[str, Share]
    by_member: Mapping[str, Share]
    by_rule: Mapping[str, Share]
    accepted: Share
    coverage: float
    equal_too_close: Share
    ece: float
    brier: float
    risk_area: float
    swapped: Swapped
    confusion: Sequence[Confusion]
    simple: Sequence[SimpleJudge]


def decided(rows: Sequence[PairJudged]) -> list[PairJudged]:
    """The pairs that were judged and whose label prefers one photo."""
    return [row for row in rows if row.error is None and row.target is not None and row.target != 0.5]


def arrays(rows: Sequence[PairJudged]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """`probabilities` and `outcomes` of decided pairs, as `evaluate.reliability` and `evaluate.plots` take them."""
    pairs = decided(rows)
    return np.array([row.probability for row in pairs]), np.array([float(_sign(row) > 0) for row in pairs])


def summarise(rows: Sequence[PairJudged], weights: Mapping[str, float]) -> Summary:
    """Put the outcomes together. `weights`: of each member, from the manifest, for the weighted rule."""
    pairs = decided(rows)
    if not pairs:
        raise ValueError("no pair was judged that has a label which prefers one photo")
    judged = [row for row in rows if row.error is None]
    equal = [row for row in judged if row.target == 0.5]
    accepted = [row for row in pairs if not row.too_close]
    probabilities, outcomes = arrays(rows)
    by_kind = _grouped(pairs, lambda row: row.kind or "unnamed")
    return Summary(
        pairs=len(pairs),
        equal=len(equal),
        unlabelled=sum(row.target is None for row in judged),
        failed={row.name: row.error for row in rows if row.error is not None},
        overall=_right(pairs),
        average=_average(by_kind),
        by_category=_grouped(pairs, lambda row: str(row.category)),
        by_kind=by_kind,
        by_member=_members(pairs),
        by_rule={rule: share([_sign(row) * _combined(rule, row, weights) for row in pairs]) for rule in RULES},
        accepted=_right(accepted),
        coverage=len(accepted) / len(pairs),
        equal_too_close=Share(sum(row.too_close for row in equal), len(equal)),
        ece=expected_calibration_error(list(probabilities), list(outcomes)),
        brier=brier(probabilities, outcomes),
        risk_area=float(risk_coverage(probabilities, outcomes)[1].mean()),
        swapped=_swapped(judged),
        confusion=_confusion(pairs + equal),
        simple=simple_judges(pairs),
    )


def simple_judges(rows: Sequence[PairJudged]) -> list[SimpleJudge]:
    """Every statistic and judge of decided pairs by itself, best average over kinds first."""
    found = []
    for name in sorted({name for row in rows for name in row.statistics}):
        higher = name.partition(".")[2] not in LOWER
        signed = [(row, (1 if higher else -1) * _sign(row) * row.statistics.get(name, math.nan)) for row in rows]
        known = [(row.kind or "unnamed", value) for row, value in signed if not math.isnan(value)]
        kinds = sorted({kind for kind, _ in known})
        by_kind = {kind: share([value for other, value in known if other == kind]) for kind in kinds}
        overall = share([value for _, value in known])
        release = _right([row for row, value in signed if not math.isnan(value)])
        found.append(SimpleJudge(name, higher, overall, _average(by_kind), by_kind, release))
    return sorted(found, key=lambda judge: (-judge.average, judge.name))


def _sign(row: PairJudged) -> int:
    return 1 if row.target is not None and row.target > 0.5 else -1


def _right(rows: Sequence[PairJudged]) -> Share:
    return share([_sign(row) * row.logit for row in rows])


def _grouped(rows: Sequence[PairJudged], key: Callable[[PairJudged], str]) -> dict[str, Share]:
    return {name: _right([row for row in rows if key(row) == name]) for name in sorted({key(row) for row in rows})}


def _average(shares: Mapping[str, Share]) -> float:
    return math.fsum(part.value for part in shares.values()) / len(shares) if shares else math.nan


def _members(rows: Sequence[PairJudged]) -> dict[str, Share]:
    names = sorted({name for row in rows for name in row.votes})
    return {name: share([_sign(row) * row.votes[name] for row in rows if name in row.votes]) for name in names}


def _combined(rule: Rule, row: PairJudged, weights: Mapping[str, float]) -> float:
    return combine(rule, list(row.votes.values()), [weights[name] for name in row.votes])


def _swapped(rows: Sequence[PairJudged]) -> Swapped:
    asked = [row for row in rows if not math.isnan(row.swap_error)]
    names = sorted({name for row in asked for name in row.swap_changed})
    return Swapped(
        pairs=len(asked),
        exact=sum(row.swap_error == 0 and not row.swap_changed for row in asked),
        worst=max((row.swap_error for row in asked), default=math.nan),
        changed={name: tuple(row.name for row in asked if name in row.swap_changed) for name in names},
    )


def _confusion(rows: Sequence[PairJudged]) -> list[Confusion]:
    found = []
    for low, high in pairwise(BANDS):
        for label in ("A", "B", "equal"):
            chosen = [row for row in rows if _label(row) == label and low <= row.confidence < high]
            chosen += [row for row in rows if high == BANDS[-1] == row.confidence and _label(row) == label]
            close = sum(row.too_close or row.logit == 0 for row in chosen)
            a = sum(row.logit > 0 and not row.too_close for row in chosen)
            found.append(Confusion(low, high, label, a, len(chosen) - close - a, close))
    return [part for part in found if part.a or part.b or part.too_close]


def _label(row: PairJudged) -> str:
    return "equal" if row.target == 0.5 else "A" if _sign(row) > 0 else "B"
