"""The Thinking Model's prompt: one pure function for serving, dataset building and evaluation.

Every text that is the same for all pairs comes before the first number, so that the server's prefix cache holds it;
then what differs from pair to pair; the views follow as images. Every stage of the paper's prompt is a switch: leave
the argument out and its text is gone.

What the paper makes public of its prompt is the order of its parts, the form of a line (one region, one metric), 4 to 7
lines and a mandatory summary, and the answer line, of which `answer_line` has the exact words. Its system text and
templates are not public: those here are our own, but for the question of the plain prompt, which is the challenge's.
"""

from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Final, Literal

from idiff.thinking.evidence import evidence, learned_evidence
from idiff.thinking.stages import Form, Switches, Template, Wording
from idiff.thinking.vocabulary import METRICS, REGIONS, SUMMARY_HEADER
from idiff.types import CategoryName, Features, Learned, Verdict

REVISION: Final = "2"
"""Changes with every change of wording or order; part of `Prompt.version`."""

VIEW_LABELS: Final = ("Global view, Left:", "Global view, Right:", "Crop view, Left:", "Crop view, Right:")
"""What introduces each image, in the order the images follow."""

TemplateName = CategoryName | Literal["plain"]
SIDE: Final = {"A": "Left", "B": "Right"}


@dataclass(frozen=True, slots=True)
class Prompt:
    """`version` names wording, revision, template, stages and line count; `user` is followed by the labelled views.
    `form`: whether the text that it asks for is held to lines and summary."""

    version: str
    system: str
    user: str
    form: Form = "lines"


def ask(
    switches: Switches,
    verdict: Verdict,
    features: Features,
    learned: Learned | None = None,
    *,
    lines: tuple[int, int] = (4, 7),
    wording: Wording = "idiff",
) -> Prompt:
    """The prompt that `switches`, those of a stage for example, make of all that is known of a pair.

    Raises:
        ValueError: `answer` with `judge`.
    """
    names: dict[Template, TemplateName | None] = {"none": "plain", "category": verdict.category.name}
    return build(
        names.get(switches.template),
        features if switches.cv else None,
        verdict if switches.answer else None,
        learned=learned if switches.iqa else None,
        lines=lines,
        wording=wording,
        judge=switches.judge,
        form=switches.form,
    )


def build(
    category: TemplateName | None,
    features: Features | None,
    verdict: Verdict | None,
    *,
    learned: Learned | None = None,
    lines: tuple[int, int] = (4, 7),
    wording: Wording = "idiff",
    judge: bool = False,
    form: Form = "lines",
) -> Prompt:
    """The prompt that asks why the verdict is what it is.

    `category`: whose template; None for the generic one, `plain` for none, a question without a form. `features`: adds
    the measured differences; `learned`: those of learned metrics, where any were scored. `verdict`: adds the
    answer-aware line, in this `wording`. `lines`: fewest and most lines before the summary. `judge`: rationale first,
    then the model's own answer, for which it is given no verdict. `form`: whether the text will be held to the lines.

    Raises:
        ValueError: `judge` with a verdict.
    """
    if judge and verdict:
        raise ValueError("a model that is to judge by itself is given no verdict")
    name = category or "generic"
    scores = learned_evidence(learned) if learned else ""
    stages = [f"{wording}-{REVISION}", name]
    constant, varying = [template(name).format_map(_slots(name, lines))], []
    if features:
        stages.append("cv")
        constant.append(template("evidence"))
        varying.append(evidence(features))
    if scores:
        stages.append("iqa")
        constant.append(template("learned"))
        varying.append(scores)
    if verdict:
        stages.append("answer")
        varying.append(answer_line(verdict, wording))
    if judge:
        stages.append("judge")
        constant.append(template("judge"))
    stages.append("free" if form == "free" else f"{lines[0]}-{lines[1]}")
    return Prompt("/".join(stages), template("system"), "\n\n".join(constant + varying), form)


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
        "regions": ", ".join(REGIONS.get(template, ())),
        "metrics": ", ".join(METRICS),
        "summary": SUMMARY_HEADER,
    }


@cache
def template(name: str) -> str:
    """A text of the package's `templates` folder."""
    return (files("idiff.thinking") / "templates" / f"{name}.txt").read_text(encoding="utf-8").strip()
