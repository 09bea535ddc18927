"""The claim check: whether what a line of the Thinking Model says agrees with what was measured.

A line's metric names the qualities that bear on it, its region whether they are the crop's or the whole frame's. Which
those are, in whose favour they speak and their dead-bands: `scales.SCALES`. `findings` reads them as an expert would
(grain is no sharpness, softness no cleanliness), so that a measured rationale agrees by construction.
"""

import re
from collections.abc import Sequence
from dataclasses import replace
from typing import Final

from idiff.thinking.claims import ALIKE
from idiff.thinking.findings import Finding
from idiff.thinking.measured import Measured
from idiff.thinking.pair import other
from idiff.thinking.scales import SCALES
from idiff.types import Line, Rationale

FRAME: Final = frozenset({"global", "overall", "whole", "entire", "image", "picture", "frame", "highlights", "shadows"})
"""Words of regions that mean the whole frame, of which the crop is a part."""

ELSEWHERE: Final = frozenset({"background", "backdrop", "sky", "distance", "distant"})
"""Words of regions that the crop, which is cut from the subject, does not show."""

PLAIN: Final = 2
"""Level of a difference that nobody could call alike."""


def check(rationale: Rationale, measured: Measured) -> Rationale:
    """`rationale` with every line's `agrees` and numbers, and so with its grounding."""
    return replace(rationale, lines=tuple(_checked(line, measured) for line in rationale.lines))


def _checked(line: Line, measured: Measured) -> Line:
    found = _bearing(line, measured)
    strongest = max(found, key=lambda finding: finding.weight, default=None)
    return replace(
        line, agrees=_agrees(line, found, measured.same), measured=strongest.measurement if strongest else None
    )


def _bearing(line: Line, measured: Measured) -> list[Finding]:
    """The findings that bear on a line; none where the region was not measured."""
    words = frozenset(re.findall("[a-z]+", line.region.lower()))
    if words & ELSEWHERE:
        return []
    pool = measured.crop + (measured.frame if words & FRAME else ())
    return [finding for finding in pool if finding.checked and line.metric in _metrics(finding)]


def _metrics(finding: Finding) -> tuple[str, ...]:
    """Of the claims that it bears on."""
    return SCALES[finding.quality].metrics if finding.quality else ()


def _agrees(line: Line, found: Sequence[Finding], same: bool) -> bool | None:
    """True where all that was measured speaks for the same photo as the line, or for neither where it calls them alike;
    False where it plainly speaks against it; None where it speaks for both, or where it is too little to tell."""
    if not found:
        return None
    sides = {finding.favours for finding in found if finding.favours}
    if line.favours:
        if same or sides == {other(line.favours)}:
            return False
        return True if sides == {line.favours} else None
    if not ALIKE.search(line.text):
        return None
    if any(finding.level >= PLAIN and (finding.favours or _neutral(finding)) for finding in found):
        return False
    return None if any(finding.level for finding in found) else True


def _neutral(finding: Finding) -> bool:
    """Whether more of what differs is neither better nor worse, so that its favouring nobody is no doubt about it."""
    return finding.reading is not None and SCALES[finding.reading.quality].better is None
