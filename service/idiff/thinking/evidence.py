"""Measured and learned differences as the compact, signed text that a prompt carries."""

from dataclasses import fields
from typing import Final, Literal

from idiff.types import Features, Learned, LearnedScore, Statistics

ABSOLUTE = {"entropy": (1.0, 2, " bits"), "under_exposed": (100.0, 1, " pp"), "over_exposed": (100.0, 1, " pp")}
"""Statistic -> factor, digits and unit of those that are told as plain differences; the others are relative."""


VIEWS: Final[tuple[tuple[str, Literal["global_view", "crop_view"]], ...]] = (
    ("Crop", "crop_view"),
    ("Global", "global_view"),
)
"""The views in the order in which they are told of: the crop tells most about sharpness and noise."""


def signed(value: float, digits: int) -> str:
    """`value` rounded, with its sign; a rounded zero has none, so that swapping the photos mirrors the text exactly."""
    text = f"{value:+.{digits}f}"
    return "0" if float(text) == 0 else text


def difference(name: str, a: float, b: float) -> str:
    """One statistic, A minus B: in its unit where `ABSOLUTE` says so, else in percent of the mean of both."""
    if name in ABSOLUTE:
        factor, digits, unit = ABSOLUTE[name]
        return f"{name} {signed(factor * (a - b), digits)}{unit}"
    mean = (abs(a) + abs(b)) / 2
    return f"{name} {signed(100 * (a - b) / mean if mean else 0.0, 0)}%"


def view_evidence(a: Statistics, b: Statistics) -> str:
    """All statistics of one view on one line, in the order of `Statistics`."""
    names = [field.name for field in fields(Statistics)]
    return ", ".join(difference(name, getattr(a, name), getattr(b, name)) for name in names)


def evidence(features: Features) -> str:
    """A line for the differences of each of `VIEWS`."""
    return "\n".join(
        f"{name} view: {view_evidence(getattr(features.a, view), getattr(features.b, view))}." for name, view in VIEWS
    )


def _learned(score: LearnedScore, view: Literal["global_view", "crop_view"]) -> str | None:
    a, b = getattr(score.a, view), getattr(score.b, view)
    if a is None or b is None:
        return None
    return f"{score.metric} {signed(a - b if score.better == 'more' else b - a, 2)}"


def learned_evidence(learned: Learned) -> str:
    """Lines as of `evidence`, of the views that were scored; a metric of which less is better is turned round, so that
    plus speaks for Left."""
    lines = []
    for name, view in VIEWS:
        if told := ", ".join(text for score in learned.scores if (text := _learned(score, view))):
            lines.append(f"{name} view, learned: {told}.")
    return "\n".join(lines)
