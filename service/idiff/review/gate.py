"""Whether photos got better: the share of pairs whose second photo is preferred."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, Literal

from idiff.intervals import Share
from idiff.review.judging import Judged
from idiff.schemas import Comparison, Verdict

TooClose = Literal["half", "side"]
"""What a verdict that is too close counts: half, or as much as any other for the side that it names."""

WORST: Final = 10
"""Most pairs that are told one by one."""


@dataclass(frozen=True)
class Outcome:
    """A gate's outcome. `share`: of judged pairs with the second photo preferred. `better`, `worse`, `close`: pairs.
    `worst`: those whose first photo is preferred, the surest first. `reasons`: why the gate fails; empty where it
    passes."""

    share: Share
    better: int
    worse: int
    close: int
    worst: tuple[Judged, ...]
    failed: tuple[Judged, ...]
    reasons: tuple[str, ...]


def decide(judged: Sequence[Judged], fail_under: float, min_pairs: int, too_close: TooClose) -> Outcome:
    """Count the pairs. A pair that could not be judged fails the gate, as too few pairs do."""
    answers = [one.answer for one in judged if one.answer]
    votes = [_vote(answer.verdict, too_close) for answer in answers]
    share = Share(sum(votes), len(votes))
    failed = tuple(one for one in judged if one.failure)
    reasons = []
    if failed:
        reasons.append(f"{len(failed)} could not be judged")
    if share.pairs < min_pairs:
        reasons.append(f"{share.pairs} judged, fewer than {min_pairs}")
    if share.pairs and share.value < fail_under:
        reasons.append(
            f"after is preferred in {share.right:g} of {share.pairs} pairs, less than {100 * fail_under:.1f} %"
        )
    lost = [one for one in judged if one.answer and _vote(one.answer.verdict, too_close) == 0]
    return Outcome(
        share,
        better=votes.count(1.0),
        worse=votes.count(0.0),
        close=votes.count(0.5),
        worst=tuple(sorted(lost, key=_sureness, reverse=True)[:WORST]),
        failed=failed,
        reasons=tuple(reasons),
    )


def why(answer: Comparison) -> str:
    """The first line of the rationale that speaks for the preferred photo, else its summary."""
    if answer.rationale is None:
        return ""
    telling = [line for line in answer.rationale.lines if line.favours == answer.verdict.preferred]
    return f"{telling[0].region} {telling[0].metric}: {telling[0].text}" if telling else answer.rationale.summary


def _vote(verdict: Verdict, too_close: TooClose) -> float:
    if verdict.preferred is None or (verdict.too_close and too_close == "half"):
        return 0.5
    return float(verdict.preferred == "B")


def _sureness(judged: Judged) -> float:
    return judged.answer.verdict.confidence if judged.answer else 0.0
