"""The Thinking Model's prompt: one pure function for serving, dataset building and evaluation.

Constant text comes first, so that the server's prefix cache holds it, then what differs from pair to pair; the views
follow as images. Every stage of the paper's prompt is a switch: leave the argument out and its text is gone.
"""

from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Final, Literal

from idiff.thinking.evidence import evidence, learned_evidence
from idiff.thinking.vocabulary import METRICS, REGIONS, SUMMARY_HEADER
from idiff.types import CategoryName, Features, Learned, Verdict

REVISION: Final = "1"
"""Changes with every change of wording; part of `Prompt.version`."""

VIEW_LABELS: Final = ("Global view, Left:", "Global view, Right:", "Crop view, Left:", "Crop view, Right:")
"""What introduces each image, in the order the images follow."""

Wording = Literal["idiff", "paper"]
SIDE: Final = {"A": "Left", "B": "Right"}


@dataclass(frozen=True, slots=True)
class Prompt:
    """`version` names wording, revision, template, stages and line count; `user` is followed by the labelled views."""

    version: str
    system: str
    user: str


def build(
    category: CategoryName | None,
    features: Features | None,
    verdict: Verdict | None,
    *,
    learned: Learned | None = None,
    lines: tuple[int, int] = (4, 7),
    wording: Wording = "idiff",
    judge: bool = False,
) -> Prompt:
    """The prompt that asks why the verdict is what it is.

    `category`: whose template; None for the generic one. `features`: adds the measured differences; `learned`: those of
    learned metrics, where any were scored. `verdict`: adds the answer-aware line. `lines`: fewest and most lines before
    the summary. `wording`: `paper` states a winner even where the vote was split or too close; `idiff` says so, for the
    rationale not to overclaim. `judge`: rationale first, then the model's own answer, for which it is given no verdict.

    Raises:
        ValueError: `judge` with a verdict.
    """
    if judge and verdict:
        raise ValueError("a model that is to judge by itself is given no verdict")
    name = category or "generic"
    stages = [f"{wording}-{REVISION}", name]
    parts = [template(name).format_map(_slots(name, lines))]
    if features:
        stages.append("cv")
        parts += [template("evidence") + "\n" + evidence(features)]
    if learned and (told := learned_evidence(learned)):
        stages.append("iqa")
        parts += [template("learned") + "\n" + told]
    if verdict:
        stages.append("answer")
        parts.append(answer_line(verdict, wording))
    if judge:
        stages.append("judge")
        parts.append(template("judge"))
    stages.append(f"{lines[0]}-{lines[1]}")
    return Prompt(version="/".join(stages), system=template("system"), user="\n\n".join(parts))


def answer_line(verdict: Verdict, wording: Wording = "idiff") -> str:
    """The answer-aware line; swapping the photos swaps Left and Right in it and nothing else."""
    if verdict.preferred is None:
        return "Ground truth: neither is better. Say where they are alike and claim no winner."
    side = SIDE[verdict.preferred]
    if wording == "paper":
        return f"Ground truth: {side} is better."
    if verdict.too_close:
        return (
            f"Ground truth: too close to call, leaning slightly to {side}. "
            "Say what speaks for each image, keep every difference as small as it is and claim no clear winner."
        )
    if verdict.split:
        agreeing = sum(vote.preferred == verdict.preferred for vote in verdict.votes)
        return (
            f"Ground truth: {side} is better, but the judges were split: {agreeing} of {len(verdict.votes)} chose it. "
            "Say also what speaks for the other image and do not overstate the difference."
        )
    return f"Ground truth: {side} is better."


def _slots(template: str, lines: tuple[int, int]) -> dict[str, str]:
    fewest, most = lines
    return {
        "lines": str(fewest) if fewest == most else f"{fewest} to {most}",
        "regions": ", ".join(REGIONS[template]),
        "metrics": ", ".join(METRICS),
        "summary": SUMMARY_HEADER,
    }


@cache
def template(name: str) -> str:
    """A text of the package's `templates` folder."""
    return (files("idiff.thinking") / "templates" / f"{name}.txt").read_text(encoding="utf-8").strip()
