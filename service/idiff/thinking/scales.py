"""Which differences of a pair are judged, on which scale, in whose favour and from where on: one table.

The measured rationale is written from it, and a model's is checked against it.
"""

from dataclasses import dataclass
from typing import Final, Literal

from idiff.types import Measurement, Side

Quality = Literal[
    "sharpness", "laplacian", "detail", "texture", "grain", "added_grain", "shadow_grain", "color_grain", "halos",
    "blocks", "resolution", "global_sharpness", "brightness", "highlights", "shadows", "contrast", "color", "warmth",
    "green",
]  # fmt: skip

OCTAVES: Final = "octaves"
"""log2 of the ratio of both photos' amounts."""

LEVELS: Final = "grey levels"

AREA: Final = "share of the frame"


@dataclass(frozen=True, slots=True)
class Scale:
    """How a quality is judged. `unit` of a difference; `better`: whether more or less of it is, None where neither;
    `grades`: from where a difference counts as slight, noticeable and considerable. The first is the dead-band."""

    unit: str
    better: Literal["more", "less"] | None
    grades: tuple[float, float, float]


SCALES: Final[dict[Quality, Scale]] = {
    "sharpness": Scale(OCTAVES, "more", (0.20, 0.45, 1.00)),
    "laplacian": Scale(OCTAVES, None, (0.45, 0.70, 1.80)),
    "detail": Scale(OCTAVES, "more", (0.40, 0.70, 1.80)),
    "texture": Scale(OCTAVES, "more", (0.18, 0.40, 0.90)),
    "grain": Scale(OCTAVES, "less", (0.30, 0.70, 1.40)),
    "added_grain": Scale(LEVELS, "less", (0.70, 1.50, 4.00)),
    "shadow_grain": Scale(OCTAVES, "less", (0.30, 0.70, 1.40)),
    "color_grain": Scale(OCTAVES, "less", (0.35, 0.70, 1.40)),
    "halos": Scale("share of an edge's step", "less", (0.20, 0.35, 0.55)),
    "blocks": Scale(OCTAVES, "less", (0.60, 1.20, 2.00)),
    "resolution": Scale(OCTAVES, None, (0.10, 0.50, 1.00)),
    "global_sharpness": Scale(OCTAVES, "more", (0.15, 0.35, 0.80)),
    "brightness": Scale(LEVELS, None, (6.0, 16.0, 40.0)),
    "highlights": Scale(AREA, "less", (0.01, 0.04, 0.12)),
    "shadows": Scale(AREA, "less", (0.01, 0.04, 0.12)),
    "contrast": Scale(OCTAVES, None, (0.10, 0.25, 0.60)),
    "color": Scale(OCTAVES, None, (0.15, 0.35, 0.80)),
    "warmth": Scale(LEVELS, None, (4.0, 9.0, 20.0)),
    "green": Scale(LEVELS, None, (4.0, 9.0, 20.0)),
}
"""Every quality's scale.

About 95 % of near-identical pictures (the same photo as JPEG of quality 90 and 95, or its crop shifted by a few pixels)
differ by less than the dead-band, which tests/test_grounded.py checks.
"""


@dataclass(frozen=True, slots=True)
class Reading:
    """One quality of the pair. `value`: A minus B on its scale; `more`: who has more of it, None within the dead-band.

    `level`: 0 within the dead-band, 1 slight, 2 noticeable, 3 considerable. `weight`: the difference in dead-bands.
    """

    quality: Quality
    value: float
    more: Side | None
    level: int
    weight: float


def grade(quality: Quality, value: float) -> Reading:
    """`value`, A minus B, as a reading."""
    size = abs(value)
    level = sum(size >= threshold for threshold in SCALES[quality].grades)
    more: Side | None = None if level == 0 else "A" if value > 0 else "B"
    return Reading(quality, value, more, level, size / SCALES[quality].grades[0])


def measurement(reading: Reading) -> Measurement:
    """A reading as it is told with a line."""
    scale = SCALES[reading.quality]
    return Measurement(reading.quality, reading.value, scale.unit, scale.grades[0], scale.better)
