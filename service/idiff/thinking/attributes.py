"""Scores of each photo's attributes by the Thinking Model, as in MG-IQA: all in one pass, asked for by attribute."""

import json
from dataclasses import fields
from typing import Final

from idiff.thinking.options import ThinkingUnavailable
from idiff.thinking.prompt import Prompt, template
from idiff.types import Attributes, Scores

REVISION: Final = "attributes-2"
NAMES: Final = tuple(field.name for field in fields(Scores))


def question() -> Prompt:
    """The attribute-aware prompt. It carries no verdict and no measurement, which would colour the scores."""
    return Prompt(REVISION, template("system"), template("attributes"))


def scores_regex() -> str:
    """The answer's form: one JSON object with both photos' scores, each 1.0 to 5.0 in tenths."""
    scores = ", ".join(f'"{name}": ([1-4]\\.[0-9]|5\\.0)' for name in NAMES)
    return rf'\{{"A": \{{{scores}\}}, "B": \{{{scores}\}}\}}'


def read(text: str) -> Attributes:
    """The scores of an answer.

    Raises:
        ThinkingUnavailable: `malformed`.
    """
    try:
        found = json.loads(text)
        a, b = (Scores(**{name: _score(found[side][name]) for name in NAMES}) for side in ("A", "B"))
        return Attributes(a, b, None, REVISION)
    except (ValueError, KeyError, TypeError) as error:
        raise ThinkingUnavailable("malformed", f"no scores: {error}") from None


def _score(value: float) -> float:
    score = float(value)
    if not 1 <= score <= 5:
        raise ValueError(f"{score} is not 1 to 5")
    return score
