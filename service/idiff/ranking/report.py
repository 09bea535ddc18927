"""A ranking as text for a terminal."""

import re
from collections.abc import Iterator, Sequence
from typing import Final

from idiff.ranking.schemas import Ranking
from idiff.report import headline, reasons

MOST_CIRCLES: Final = 5


def text(ranking: Ranking, names: Sequence[str]) -> str:
    """Order, what cannot be told apart, circles, reason and warnings, a line each. `names`: of the photos as sent."""
    return "\n".join(_lines(ranking, names))


def _lines(ranking: Ranking, names: Sequence[str]) -> Iterator[str]:
    yield "Rank  Strength     Photo"
    for photo in (ranking.photos[place] for place in ranking.order):
        strength = f"{photo.strength:+.2f} ±{photo.standard_error:.2f}"
        yield f"{photo.rank:4}  {strength:<12} {names[photo.photo]}{'' if photo.same_scene else '  (another scene?)'}"
    for run in ranking.indistinguishable:
        yield f"Cannot be told apart: {', '.join(names[photo] for photo in run)}"
    for circle in ranking.intransitive[:MOST_CIRCLES]:
        close = ", too close to call" if circle.too_close else ""
        way = " > ".join(names[photo] for photo in (*circle.photos, circle.photos[0]))
        yield f"In a circle: {way} ({circle.confidence:.0%} sure at least{close})"
    if more := len(ranking.intransitive[MOST_CIRCLES:]):
        yield f"and {more} more circles"
    yield f"Judged as {ranking.category} pairs ({ranking.category_source}); crop chosen by {ranking.crop_method}"
    reason = ranking.reason
    yield ""
    yield f"A is {names[reason.winner]}, B is {names[reason.runner_up]}. {headline(reason.verdict)}"
    if reason.rationale:
        yield from reasons(reason.rationale)
    if ranking.warnings:
        yield ""
        yield "Warnings"
        for warning in ranking.warnings:
            about = f"{_named(warning.field, names)}: " if warning.field else ""
            yield f"  {warning.code}: {about}{_named(warning.message, names)}"
    yield ""
    yield f"Release {ranking.provenance.release}, {ranking.timings_ms['total']:.0f} ms"


def _named(text: str, names: Sequence[str]) -> str:
    """Photos by name instead of number."""
    return re.sub(r"photos\[(\d+)\]", lambda found: names[int(found[1])], text)
