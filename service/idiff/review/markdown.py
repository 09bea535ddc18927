"""A gate's outcome as Markdown, as a job's summary on GitHub shows it."""

import re
from collections.abc import Iterator, Sequence
from typing import Final

from idiff.report import sureness
from idiff.review.gate import Outcome, why
from idiff.review.pairs import Matched

MOST: Final = 100
"""Rows of a table: GitHub shows no summary of more than a megabyte."""


def summary(outcome: Outcome, matched: Matched, fail_under: float) -> str:
    """The whole summary."""
    return "\n".join(_lines(outcome, matched, fail_under)) + "\n"


def text(words: str) -> str:
    """Words that mean nothing to Markdown or HTML, whatever a file's name holds."""
    return re.sub(r"[^\w .,:-]|_", lambda found: f"&#{ord(found[0])};", words)


def _lines(outcome: Outcome, matched: Matched, fail_under: float) -> Iterator[str]:
    yield f"## iDiff gate: {'failed' if outcome.reasons else 'passed'}"
    yield ""
    for reason in outcome.reasons:
        yield f"- {text(reason)}"
    yield ""
    yield "| preferred after | needed | better | too close | worse | not judged |"
    yield "| --- | --- | --- | --- | --- | --- |"
    share = str(outcome.share) if outcome.share.pairs else "none judged"
    counts = (outcome.better, outcome.close, outcome.worse, len(outcome.failed))
    yield f"| {share} | {100 * fail_under:.1f} % | {' | '.join(map(str, counts))} |"
    yield ""
    yield "In brackets the 95 % interval. Image A is before, image B after."
    if outcome.worst:
        yield from _table("Worst", ("photo", "before is preferred", "why"), [
            (one.pair.name, sureness(one.answer.verdict), why(one.answer)) for one in outcome.worst if one.answer
        ])  # fmt: skip
    if outcome.failed:
        yield from _table("Not judged", ("photo", "code", "why"), [
            (one.pair.name, one.failure.code, one.failure.message) for one in outcome.failed if one.failure
        ])  # fmt: skip
    for side, names in (("before", matched.only_first), ("after", matched.only_second)):
        if names:
            yield from _table(f"Only in {side}", ("photo",), [(name,) for name in names])


def _table(title: str, head: Sequence[str], rows: Sequence[Sequence[str]]) -> Iterator[str]:
    yield f"\n### {title} ({len(rows)})\n"
    yield f"| {' | '.join(head)} |"
    yield f"|{' --- |' * len(head)}"
    for row in rows[:MOST]:
        yield f"| {' | '.join(map(text, row))} |"
    if len(rows) > MOST:
        yield f"\nand {len(rows) - MOST} more"
