"""Which differences of a pair are judged, on which scale, in whose favour, from where on, and what claims they bear on:
one table.

The measured rationale is written from it, and a model's is checked against it. `readings` measures each quality.
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
    """How a quality is judged. `metrics` of the claims that it bears on; `unit` of a difference; `better`: whether more
    or less of it is, None where neither; `grades`: from where a difference counts as slight, noticeable and
    considerable. The first is the dead-band."""

    metrics: tuple[str, ...]
    unit: str
    better: Literal["more", "less"] | None
    grades: tuple[float, float, float]


EDGES: Final = ("Sharpness", "Clarity", "Detail")
NOISE: Final = ("Noise",)

SCALES: Final[dict[Quality, Scale]] = {
    "sharpness": Scale(EDGES, OCTAVES, "more", (0.20, 0.45, 1.00)),
    "laplacian": Scale((), OCTAVES, None, (0.45, 0.70, 1.80)),
    "detail": Scale(EDGES, OCTAVES, "more", (0.40, 0.70, 1.80)),
    "texture": Scale(("Texture", "Detail"), OCTAVES, "more", (0.18, 0.40, 0.90)),
    "grain": Scale(NOISE, OCTAVES, "less", (0.30, 0.70, 1.40)),
    "added_grain": Scale((), LEVELS, "less", (0.70, 1.50, 4.00)),
    "shadow_grain": Scale(NOISE, OCTAVES, "less", (0.30, 0.70, 1.40)),
    "color_grain": Scale(NOISE, OCTAVES, "less", (0.35, 0.70, 1.40)),
    "halos": Scale(("Artifacts",), "share of an edge's step", "less", (0.20, 0.35, 0.55)),
    "blocks": Scale(("Artifacts",), OCTAVES, "less", (0.60, 1.20, 2.00)),
    "resolution": Scale((), OCTAVES, None, (0.10, 0.50, 1.00)),
    "global_sharpness": Scale(EDGES, OCTAVES, "more", (0.15, 0.35, 0.80)),
    "brightness": Scale(("Exposure",), LEVELS, None, (6.0, 16.0, 40.0)),
    "highlights": Scale(("Exposure",), AREA, "less", (0.01, 0.04, 0.12)),
    "shadows": Scale(("Exposure",), AREA, "less", (0.01, 0.04, 0.12)),
    "contrast": Scale(("Contrast",), OCTAVES, None, (0.10, 0.25, 0.60)),
    "color": Scale(("Color",), OCTAVES, None, (0.15, 0.35, 0.80)),
    "warmth": Scale(("Color",), LEVELS, None, (4.0, 9.0, 20.0)),
    "green": Scale(("Color",), LEVELS, None, (4.0, 9.0, 20.0)),
}
"""Every quality's scale. Those that bear on no claim by themselves explain others; how real or natural a picture looks,
nothing measures.

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
