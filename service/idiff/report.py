"""A comparison as text for a terminal."""

from collections.abc import Iterator
from typing import Final

from idiff.schemas import Comparison, Verdict

CERTAIN: Final = 0.99
"""Confidence above which figures would claim more than any model knows."""


def text(comparison: Comparison) -> str:
    """Verdict, votes, rationale and warnings, a line each."""
    return "\n".join(_lines(comparison))


def _lines(comparison: Comparison) -> Iterator[str]:
    verdict = comparison.verdict
    yield headline(verdict)
    source = "given" if verdict.category_source == "given" else "detected"
    yield f"Judged as a {verdict.category} pair ({source}); crop chosen by {comparison.views.crop_method}"
    yield ""
    yield "Votes"
    for vote in verdict.votes:
        share = vote.probability_a if vote.preferred == "A" else 1 - vote.probability_a
        yield f"  {vote.preferred or '='}  {share:4.0%}  {vote.member}  ({vote.backbone})"
    if comparison.rationale:
        yield ""
        yield f"Why ({comparison.rationale.source})"
        for line in comparison.rationale.text.splitlines():
            yield f"  {line}"
    if comparison.warnings:
        yield ""
        yield "Warnings"
        for warning in comparison.warnings:
            yield f"  {warning.code}: {warning.message}"
    yield ""
    yield f"Release {comparison.provenance.release}, {comparison.timings_ms['total']:.0f} ms"


def headline(verdict: Verdict) -> str:
    """The verdict in one line."""
    if verdict.preferred is None:
        return "Neither photo is preferred: an exact tie"
    close = ", too close to call" if verdict.too_close else ""
    sure = "more than 99%" if verdict.confidence > CERTAIN else f"{verdict.confidence:.0%}"
    return f"Photo {verdict.preferred} is preferred, {sure} sure{close}"
