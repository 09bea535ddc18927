"""Measured differences as the compact, signed text that a prompt carries."""

from dataclasses import fields

from idiff.types import Features, Statistics

ABSOLUTE = {"entropy": (1.0, 2, " bits"), "under_exposed": (100.0, 1, " pp"), "over_exposed": (100.0, 1, " pp")}
"""Statistic -> factor, digits and unit of those that are told as plain differences; the others are relative."""


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
    """Two lines: the crop view's differences, which tell most about sharpness and noise, then the global view's."""
    crop = view_evidence(features.a.crop_view, features.b.crop_view)
    whole = view_evidence(features.a.global_view, features.b.global_view)
    return f"Crop view: {crop}.\nGlobal view: {whole}."
