"""The texts that a model is taught to write: an expert's lines in the form that serving holds it to.

Experts vary the form, and most end without a summary. Taught as they are, they would teach what serving forbids.
"""

import re
from collections.abc import Sequence
from typing import Final

from idiff.thinking.form import rationale_regex
from idiff.thinking.options import ThinkingOptions
from idiff.thinking.pair import other
from idiff.thinking.parse import FormError, is_summary, parse, read_lines
from idiff.thinking.phrases import NAMES, enumerate_words
from idiff.thinking.vocabulary import METRICS, SUMMARY_HEADER, SUMMARY_REGION
from idiff.types import Line, Side

MERITS: Final = {"Noise": "noise control", "Artifacts": "rendering"}
"""Metric -> what a photo has that a line favours, where that is not the metric itself."""

MOST_MERITS: Final = 3


def target(rationale: str, answer: Side | None, *, complete: bool = True) -> str:
    """A rationale as lines `Region Metric: finding` and a summary; as it is where not every line can be read.

    Where it has no summary, one is derived from whom its lines favour and the `answer` if `complete`; else it stays as
    it is. A metric outside the vocabulary becomes `Quality`.
    """
    lines = read_lines(rationale)
    if not lines or len(lines) < sum(bool(line.strip()) for line in rationale.splitlines()):
        return rationale
    if summed(rationale):
        lines, summary = lines[:-1], lines[-1].text
    elif complete:
        summary = _summary(lines, answer)
    else:
        return rationale
    return "\n".join([*map(_line, lines), f"{SUMMARY_HEADER}: {_sentence(summary)}"])


def summed(rationale: str) -> bool:
    """Whether it ends with a summary of the lines before it."""
    lines = read_lines(rationale)
    return len(lines) > 1 and is_summary(lines[-1])


def misfit(text: str, lines: tuple[int, int]) -> str | None:
    """Why serving would not let a model write `text` under a form of so many lines; None where it would."""
    try:
        count = len(parse(text)[0])
    except FormError:
        return "without a summary"
    if not lines[0] <= count <= lines[1]:
        return "with fewer lines" if count < lines[0] else "with more lines"
    options = ThinkingOptions(lines_min=lines[0], lines_max=lines[1])
    return None if re.fullmatch(rationale_regex(*lines, options.finding_chars), text) else "with other lines"


def _line(line: Line) -> str:
    metric = line.metric if line.metric in METRICS else "Quality"
    return f"{line.region} {metric}: {_sentence(line.text)}"


def _sentence(text: str) -> str:
    return text[0].upper() + text[1:] + ("" if text.endswith(".") else ".")


def _summary(lines: Sequence[Line], answer: Side | None) -> str:
    if answer is None:
        return "Neither image is preferred overall."
    x, y = NAMES[answer], NAMES[other(answer)]
    own, others = (_merits(lines, side) for side in (answer, other(answer)))
    reasons = f"for its {own}" if own else "overall"
    return f"{x} is preferred {reasons}{f', despite the {others} of {y}' if others else ''}."


def _merits(lines: Sequence[Line], side: Side) -> str:
    """What speaks for a photo, at most `MOST_MERITS`, each once."""
    found = dict.fromkeys(_merit(line) for line in lines if line.favours == side)
    return enumerate_words(list(found)[:MOST_MERITS]) if found else ""


def _merit(line: Line) -> str:
    region = re.sub(r"\s*\(.*?\)", "", line.region).lower()
    return f"{'overall' if region == SUMMARY_REGION.lower() else region} {MERITS.get(line.metric, line.metric.lower())}"
