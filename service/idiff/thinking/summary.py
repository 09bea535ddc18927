"""The last line: which photo the ensemble prefers and how that stands to what was measured."""

from collections.abc import Sequence
from typing import Final

from idiff.features.evidence import same_pixels
from idiff.thinking.findings import Finding
from idiff.thinking.pair import other
from idiff.thinking.phrases import NAMES, Wording, enumerate_words, phrases
from idiff.types import Side, Verdict, Views

UNMEASURED: Final = {"incomparable", "too_small"}
"""Findings that say that most could not be compared."""


def summarise(verdict: Verdict, findings: list[Finding], views: Views, wording: Wording) -> str:
    """The summary's text, without its header. It names `verdict.preferred`, and says so where the measurements speak
    for the other photo, where the vote was split, where the verdict is too close to call and where scenes differ."""
    texts = phrases()["summary"]
    said = {"split": verdict.split, "scene": not views.alignment.same_scene}
    addition = "".join(texts["addition"][key] for key, applies in said.items() if applies)
    differences = any(finding.level for finding in findings)
    unmeasured = any(finding.key in UNMEASURED for finding in findings)
    if verdict.preferred is None:
        case = "different" if differences else "unmeasured" if unmeasured else "alike"
        case = "identical" if identical(views) else case
        return wording.choose("tie", texts["tie"][case]) + addition
    x, y = verdict.preferred, other(verdict.preferred)
    own, others = _weight(findings, x), _weight(findings, y)
    if own and others:
        case = "outweighs" if own >= others else "outweighed"
    elif own or others:
        case = "supported" if own else "contradicted"
    else:
        case = "unmeasured" if unmeasured else "rendering" if differences else "unexplained"
    text = wording.choose("summary", texts["close" if verdict.too_close else "clear"][case])
    merits, rest = (enumerate_words(_merits(findings, side) or [""]) for side in (x, y))
    return text.format(X=NAMES[x], Y=NAMES[y], merits=merits, others=rest) + addition


def identical(views: Views) -> bool:
    """Whether both views of both photos are equal in every pixel."""
    return same_pixels(views.a.global_view, views.b.global_view) and same_pixels(views.a.crop_view, views.b.crop_view)


def balance(findings: Sequence[Finding]) -> float:
    """How much more the findings speak for A than for B, in levels weighed by importance."""
    return _weight(findings, "A") - _weight(findings, "B")


def _weight(findings: Sequence[Finding], side: Side) -> float:
    lines = phrases()["lines"]
    favouring = (finding for finding in findings if finding.favours == side)
    return sum(finding.level * float(lines[finding.key].get("importance", 1)) for finding in favouring)


def _merits(findings: list[Finding], side: Side) -> list[str]:
    """What speaks for a photo, in the order of the lines, at most three, without saying overall what a line said."""
    keys = [finding.key for finding in findings if finding.favours == side]
    if len(keys) > 1:
        keys = [key for key in keys if key != "global_sharper"]
    return list(dict.fromkeys(phrases()["lines"][key]["merit"] for key in keys))[:3]
