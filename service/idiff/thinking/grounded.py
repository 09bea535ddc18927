"""The grounded rationale: expert-style lines from measured A-B differences, honest by construction.

Swapping the photos gives the mirrored text: roles are given by what was measured, wordings chosen by content.
"""

from collections.abc import Callable, Sequence
from typing import Final

from idiff.features.evidence import gather
from idiff.thinking.findings import CROP, FRAME, IDENTICAL, TONES, Finding, resolution
from idiff.thinking.pair import Pair, other
from idiff.thinking.phrases import NAMES, Wording, phrases
from idiff.thinking.readings import read
from idiff.thinking.summary import identical, summarise
from idiff.thinking.vocabulary import SUMMARY_HEADER
from idiff.types import Features, Line, Rationale, Verdict, Views

PROMPT_VERSION: Final = "grounded-2"

FEWEST: Final = 3
"""Lines that are given even where they only say that both photos are similar."""

SMALLEST: Final = 128
"""Side of a crop in pixels below which it has too few patches and edges to measure."""

ENLARGED: Final = 4
"""From how many times its own size a crop is too enlarged to be judged."""

GUESSED: Final = 1.5
"""From which ratio of the crops' own sizes their contents must have been aligned to be compared."""


def explain(
    verdict: Verdict, features: Features, views: Views, reason: str | None, lines: tuple[int, int] = (4, 7)
) -> Rationale:
    """A rationale of lines about the crop, lines about the whole frame and the summary.

    As many lines as there are differences worth saying, at most `lines[1]` (the largest, in units of their dead-bands);
    where there are fewer than three, or than `lines[0]` if that is less, lines say what is similar. `reason` is passed
    through. Milliseconds of computing, nearly all in `idiff.features.evidence`: not for an event loop.
    """
    a, b = gather(views.a), gather(views.b)
    pair = Pair(read(features, a, b), features, a, b)
    wording = Wording.of(features)
    face = verdict.category.name == "person" and views.crop_method == "face"
    hindrance = _hindrance(views)
    crop: Sequence[Finding] = [finding for look in CROP if (finding := look(pair))]
    if identical(views):
        crop = IDENTICAL
    elif hindrance:
        crop = [Finding(hindrance, checked=False)]
    found = [("face" if face else "detail", finding) for finding in crop]
    found += [("global", finding) for look in _frame(views, hindrance) if (finding := look(pair))]
    chosen = _select(found, min(FEWEST, lines[0]), lines[1])
    written = tuple(_line(*entry, wording, first=entry is chosen[0]) for entry in chosen)
    summary = summarise(verdict, [finding for _, finding in chosen], views, wording)
    checkable = [line.agrees for line in written if line.agrees is not None]
    return Rationale(
        source="measured",
        text="\n".join(
            [*(f"{line.region} {line.metric}: {line.text}" for line in written), f"{SUMMARY_HEADER}: {summary}"]
        ),
        lines=written,
        summary=summary,
        grounding=sum(checkable) / len(checkable) if checkable else None,
        reason=reason,
        prompt_version=PROMPT_VERSION,
    )


def _hindrance(views: Views) -> str | None:
    """Why the crops cannot be compared closely: few pixels, one enlarged several times, a guess at another scale."""
    sides = [min(photo.crop_view.shape[:2]) for photo in (views.a, views.b)]
    if min(sides) < SMALLEST:
        return "too_small"
    cut = [photo.crop_box.width for photo in (views.a, views.b) if photo.crop_box]
    guessed = views.alignment.method == "failed" and cut and min(cut) * GUESSED <= max(cut)
    return "incomparable" if guessed or (cut and min(cut) * ENLARGED <= max(sides)) else None


def _frame(views: Views, hindrance: str | None) -> tuple[Callable[[Pair], Finding | None], ...]:
    if hindrance:
        return TONES
    return FRAME if views.alignment.method != "failed" else tuple(look for look in FRAME if look is not resolution)


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
    return Line(place["name"], words["metric"], text, finding.favours, True if finding.checked else None)
