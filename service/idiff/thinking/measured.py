"""Everything that was measured of a pair, as an expert's findings: of the crop and of the whole frame."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from idiff.features.evidence import gather
from idiff.thinking.findings import CROP, FRAME, IDENTICAL, TONES, Finding, resolution
from idiff.thinking.pair import Pair
from idiff.thinking.readings import read
from idiff.thinking.summary import identical
from idiff.types import Features, Views

SMALLEST: Final = 128
"""Side of a crop in pixels below which it has too few patches and edges to measure."""

ENLARGED: Final = 4
"""From how many times its own size a crop is too enlarged to be judged."""

GUESSED: Final = 1.5
"""From which ratio of the crops' own sizes their contents must have been aligned to be compared."""


@dataclass(frozen=True, slots=True)
class Measured:
    """`crop`, `frame`: findings in the order in which they are told. `same`: both views are equal in every pixel."""

    crop: tuple[Finding, ...]
    frame: tuple[Finding, ...]
    same: bool


def measure(features: Features, views: Views) -> Measured:
    """Findings of a pair, antisymmetric in the photos. Milliseconds of computing: not for an event loop."""
    a, b = gather(views.a), gather(views.b)
    pair, same, hindrance = Pair(read(features, a, b), features, a, b), identical(views), _hindrance(views)
    crop = tuple(finding for look in CROP if (finding := look(pair)))
    if same:
        crop = IDENTICAL
    elif hindrance:
        crop = (Finding(hindrance, checked=False),)
    return Measured(crop, tuple(finding for look in _frame(views, hindrance) if (finding := look(pair))), same)


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
