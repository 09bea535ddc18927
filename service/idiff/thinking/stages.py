"""The switches of a Thinking Model's prompt, and the stages of the paper that set them.

An adapter is served the prompt that it was trained on: serving, dataset building and evaluation take both from here.
"""

from dataclasses import dataclass
from typing import Final, Literal

Wording = Literal["idiff", "paper"]
"""How the answer is told: `paper` states a winner even where the vote was split or too close; `idiff` says so."""

Form = Literal["lines", "free"]
"""Whether the text is held to the lines and the summary, or taken as it comes."""

Stage = Literal["baseline", "generic", "templates", "cv", "iqa", "judge", "answer"]
"""What the prompt holds, each stage from `templates` on with all before it: a plain question, free in form; the generic
template; the category's; measured differences; learned scores, where there are any; the answer (the paper's Table 4),
or in its place the question for the model's own."""

Template = Literal["none", "generic", "category"]


@dataclass(frozen=True, slots=True)
class Switches:
    """`template`: none (a plain question), the generic one or the category's; `cv`, `iqa`: measured differences and
    learned scores; `answer`: the verdict; `judge`: rationale first, then the model's own answer."""

    template: Template = "category"
    cv: bool = False
    iqa: bool = False
    answer: bool = False
    judge: bool = False
    form: Form = "lines"


STAGES: Final[dict[Stage, Switches]] = {
    "baseline": Switches("none", form="free"),
    "generic": Switches("generic"),
    "templates": Switches(),
    "cv": Switches(cv=True),
    "iqa": Switches(cv=True, iqa=True),
    "judge": Switches(cv=True, iqa=True, judge=True),
    "answer": Switches(cv=True, iqa=True, answer=True),
}
"""The named stages; `prompt.ask` takes any other combination as well, but for `answer` with `judge`."""
