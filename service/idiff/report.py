"""A comparison as text for a terminal."""

from collections.abc import Iterator
from typing import Final

from idiff.schemas import Comparison, Line, Rationale, Verdict

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
        yield from reasons(comparison.rationale)
    if comparison.attributes and comparison.attributes.a and comparison.attributes.b:
        yield ""
        yield "Attributes, 1 bad to 5 excellent"
        for name, a in comparison.attributes.a:
            yield f"  A {a:.1f}  B {getattr(comparison.attributes.b, name):.1f}  {name}"
    if comparison.warnings:
        yield ""
        yield "Warnings"
        for warning in comparison.warnings:
            yield f"  {warning.code}: {warning.message}"
    yield ""
    yield f"Release {comparison.provenance.release}, {comparison.timings_ms['total']:.0f} ms"


def reasons(rationale: Rationale) -> Iterator[str]:
    """The rationale, a line each."""
    yield f"Why ({rationale.source})"
    for line in rationale.lines:
        yield f"  {line.region} {line.metric}: {line.text}{_doubt(line)}"
    yield f"  {rationale.text.splitlines()[-1]}"


def _doubt(line: Line) -> str:
    """What the measurements say against a line."""
    if line.agrees is not False or line.measured is None:
        return ""
    found = line.measured
    return f" [measured otherwise: {found.quality} {found.difference:+.2f} {found.unit}, A minus B]"


def headline(verdict: Verdict) -> str:
    """The verdict in one line."""
    if verdict.preferred is None:
        return "Neither photo is preferred: an exact tie"
    close = ", too close to call" if verdict.too_close else ""
    return f"Photo {verdict.preferred} is preferred, {sureness(verdict)} sure{close}"


def sureness(verdict: Verdict) -> str:
    """The confidence in words."""
    return f"more than {CERTAIN:.0%}" if verdict.confidence > CERTAIN else f"{verdict.confidence:.0%}"
