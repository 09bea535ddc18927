"""The grounded rationale: expert-style lines from measured A-B differences, honest by construction.

Swapping the photos gives the mirrored text: roles are given by what was measured, wordings chosen by content.
"""

from typing import Final

from idiff.thinking.findings import Finding
from idiff.thinking.measured import measure
from idiff.thinking.pair import other
from idiff.thinking.phrases import NAMES, Wording, phrases
from idiff.thinking.summary import summarise
from idiff.thinking.vocabulary import SUMMARY_HEADER
from idiff.types import Features, Line, Rationale, Verdict, Views

PROMPT_VERSION: Final = "grounded-3"

FEWEST: Final = 3
"""Lines that are given even where they only say that both photos are similar."""


def explain(
    verdict: Verdict, features: Features, views: Views, reason: str | None, lines: tuple[int, int] = (4, 7)
) -> Rationale:
    """A rationale of lines about the crop, lines about the whole frame and the summary.

    As many lines as there are differences worth saying, at most `lines[1]` (the largest, in units of their dead-bands);
    where there are fewer than three, or than `lines[0]` if that is less, lines say what is similar. `reason` is passed
    through. Milliseconds of computing: not for an event loop.
    """
    measured, wording = measure(features, views), Wording.of(features)
    face = verdict.category.name == "person" and views.crop_method == "face"
    found = [("face" if face else "detail", finding) for finding in measured.crop]
    found += [("global", finding) for finding in measured.frame]
    chosen = _select(found, min(FEWEST, lines[0]), lines[1])
    written = tuple(_line(*entry, wording, first=entry is chosen[0]) for entry in chosen)
    summary = summarise(verdict, [finding for _, finding in chosen], views, wording)
    return Rationale(
        source="measured",
        text="\n".join(
            [*(f"{line.region} {line.metric}: {line.text}" for line in written), f"{SUMMARY_HEADER}: {summary}"]
        ),
        lines=written,
        summary=summary,
        reason=reason,
        prompt_version=PROMPT_VERSION,
    )


def _select(found: list[tuple[str, Finding]], fewest: int, most: int) -> list[tuple[str, Finding]]:
    """Differences by weight, then similarities in order, as many as wanted; in the order they were found.

    What is found first, the sharpness of the crop, is wanted even where it is similar.
    """
    ranked = sorted(found, key=lambda entry: (entry[1].level == 0, -entry[1].weight))
    wanted = min(most, max(fewest, sum(finding.level > 0 for _, finding in found[1:]) + 1))
    kept = ranked[:wanted]
    return [entry for entry in found if entry in kept]


def _line(region: str, finding: Finding, wording: Wording, *, first: bool) -> Line:
    words, place = phrases()["lines"][finding.key], phrases()["regions"][region]
    slots = {kind: wording.grade(finding.key, kind, finding.level) for kind in ("adv", "adj")}
    if finding.x:
        slots |= {"X": NAMES[finding.x], "Y": NAMES[other(finding.x)]}
    text = wording.choose(finding.key, words["texts"]).format(where=place["where"] if first else "", **slots)
    agrees = True if finding.checked else None
    return Line(place["name"], words["metric"], text, finding.favours, agrees, finding.measurement)
