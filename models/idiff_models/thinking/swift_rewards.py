"""The rewards of `rewards.py` as a plugin of ms-swift: `external_plugins` of runs/grpo.yaml names this file.

Each is called with the texts that were sampled and, by name, the columns of the data, one entry a text. None says that
a reward does not apply to a row: ms-swift leaves it out of the sum.
"""

from typing import Any

from swift.rewards import ORM, orms

from idiff_models.evaluate.text.scorers import SCORERS
from idiff_models.thinking.rewards import (
    MEASURED,
    Opinions,
    answer_of,
    answered,
    attribute_rewards,
    expert,
    formed,
    grounded,
    sampled,
)

Rewards = list[float | None]


class Answer(ORM):
    """1 where the model's own answer is the experts'; for the stage `judge`."""

    def __call__(self, completions: list[str], solution: list[str], **_: Any) -> Rewards:  # noqa: ANN401
        pairs = zip(completions, map(answer_of, solution), strict=True)
        return [None if truth is None else answered(text, truth) for text, truth in pairs]


class Form(ORM):
    """1 where the text is of the form."""

    def __call__(self, completions: list[str], lines: list[list[int]] | None = None, **_: Any) -> Rewards:  # noqa: ANN401
        if lines is None:
            return [None] * len(completions)
        return [formed(sampled(text), (low, high)) for text, (low, high) in zip(completions, lines, strict=True)]


class Words(ORM):
    """ROUGE-L against the experts' text, where there is one, by the challenge's own scorer."""

    def __call__(self, completions: list[str], solution: list[str], **_: Any) -> Rewards:  # noqa: ANN401
        pairs = zip(completions, map(expert, solution), strict=True)
        return [None if told is None else SCORERS[1].rouge_l(sampled(text), told) for text, told in pairs]


class Grounding(ORM):
    """Share of the checkable lines that agree with the measurements."""

    def __call__(self, completions: list[str], measured: list[dict[str, Any]], **_: Any) -> list[float]:  # noqa: ANN401
        pairs = zip(completions, measured, strict=True)
        return [grounded(sampled(text), MEASURED.validate_python(found)) for text, found in pairs]


class Attributes(ORM):
    """MG-IQA's fidelity reward, for the rows of attributes.jsonl."""

    def __call__(
        self,
        completions: list[str],
        name: list[str],
        truth: list[Opinions],
        set: list[str],  # noqa: A002
        **_: Any,  # noqa: ANN401
    ) -> list[float]:
        return attribute_rewards(completions, name, truth, set)


orms |= {
    "idiff_answer": Answer,
    "idiff_form": Form,
    "idiff_words": Words,
    "idiff_grounding": Grounding,
    "idiff_attributes": Attributes,
}
