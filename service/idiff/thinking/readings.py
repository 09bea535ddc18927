"""Measured A-B differences on scales where equal steps look about equally large, with dead-bands and grades."""

from dataclasses import dataclass
from math import isnan, log2
from typing import Final, Literal

from idiff.features.edges import Edges
from idiff.features.evidence import Evidence
from idiff.types import Features, Side, Statistics

Quality = Literal[
    "sharpness", "laplacian", "detail", "texture", "grain", "shadow_grain", "color_grain", "halos", "blocks",
    "resolution", "global_sharpness", "brightness", "highlights", "shadows", "contrast", "color", "warmth",
]  # fmt: skip

GRADES: Final[dict[Quality, tuple[float, float, float]]] = {
    "sharpness": (0.20, 0.45, 1.00),
    "laplacian": (0.45, 0.70, 1.80),
    "detail": (0.40, 0.70, 1.80),
    "texture": (0.15, 0.40, 0.90),
    "grain": (0.30, 0.70, 1.40),
    "shadow_grain": (0.30, 0.70, 1.40),
    "color_grain": (0.35, 0.70, 1.40),
    "halos": (0.12, 0.25, 0.45),
    "blocks": (0.60, 1.20, 2.00),
    "resolution": (0.10, 0.50, 1.00),
    "global_sharpness": (0.15, 0.35, 0.80),
    "brightness": (6.0, 16.0, 40.0),
    "highlights": (0.01, 0.04, 0.12),
    "shadows": (0.01, 0.04, 0.12),
    "contrast": (0.10, 0.25, 0.60),
    "color": (0.15, 0.35, 0.80),
    "warmth": (4.0, 9.0, 20.0),
}
"""From where a difference counts as slight, noticeable and considerable.

The first is the dead-band: about 95 % of near-identical pictures (the same photo as JPEG of quality 90 and 95, or its
crop shifted by a few pixels) differ by less, which tests/test_grounded.py checks. Units: octaves (log2 of a ratio), but
grey levels for brightness and warmth, shares for highlights and shadows, and shares of an edge's step for halos.
"""

VISIBLE_GRAIN: Final = 1.0
"""Grey levels of grain or texture that the eye hardly sees, added before the logarithm to keep traces small."""

MUTED: Final = 5.0
"""Colourfulness that plays the same role for colour."""

RIMS_PER_OCTAVE: Final = 0.15
"""How much overshoot a sharper, unsharpened picture gains per octave of edge width (share of the step)."""


GRAIN_IN_DETAIL: Final = 0.5
"""Octaves of the Laplacian's root that an octave of grain accounts for."""


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


def read(features: Features, a: Evidence, b: Evidence) -> dict[Quality, Reading]:
    """Readings of a pair, antisymmetric in the photos; a quality that cannot be measured in both is absent."""
    tones = features.a.global_view, features.b.global_view
    color = _octaves(tones[0].colorfulness, tones[1].colorfulness, MUTED)
    values: dict[Quality, float] = {
        "global_sharpness": _sharper(a.global_edges, b.global_edges),
        "resolution": _octaves(a.native_side, b.native_side, 0),
        "brightness": tones[0].brightness - tones[1].brightness,
        "highlights": tones[0].over_exposed - tones[1].over_exposed,
        "shadows": tones[0].under_exposed - tones[1].under_exposed,
        "contrast": _octaves(a.contrast, b.contrast, VISIBLE_GRAIN),
        "color": color,
        "warmth": _tint(a.warmth, tones[0], tones[1]) - _tint(b.warmth, tones[1], tones[0]),
        **_crop(features, a, b, color),
    }
    return {quality: grade(quality, value) for quality, value in values.items() if not isnan(value)}


def _crop(features: Features, a: Evidence, b: Evidence, color: float) -> dict[Quality, float]:
    values: dict[Quality, float] = {"blocks": a.blockiness - b.blockiness}
    contrast = _octaves(_tonal_contrast(a), _tonal_contrast(b), VISIBLE_GRAIN)
    sharpness = _sharper(a.edges, b.edges)
    grain = 0.0
    if a.patches and b.patches:
        texture = _octaves(a.patches.texture, b.patches.texture, VISIBLE_GRAIN)
        grain = _beyond(_octaves(a.patches.grain, b.patches.grain, VISIBLE_GRAIN), contrast)
        values["grain"] = grain
        values["texture"] = texture if isnan(sharpness) else _beyond(texture, contrast)
        values["color_grain"] = _beyond(_octaves(a.patches.color_grain, b.patches.color_grain, VISIBLE_GRAIN), color)
        if a.patches.shadow_grain is not None and b.patches.shadow_grain is not None:
            values["shadow_grain"] = _octaves(a.patches.shadow_grain, b.patches.shadow_grain, VISIBLE_GRAIN)
    if not isnan(sharpness):
        # The Laplacian is in squared grey levels, hence the half. Where it speaks against the edges, less is claimed.
        laplacian = _octaves(features.a.crop_view.laplacian, features.b.crop_view.laplacian, VISIBLE_GRAIN) / 2
        values["laplacian"] = _beyond(laplacian, contrast)
        values["detail"] = _beyond(values["laplacian"], GRAIN_IN_DETAIL * grain)
        values["sharpness"] = _beyond(sharpness, -values["detail"])
        values["halos"] = _beyond(a.edges.overshoot - b.edges.overshoot, RIMS_PER_OCTAVE * sharpness)
    return values


def grade(quality: Quality, value: float) -> Reading:
    """`value`, A minus B, as a reading."""
    size = abs(value)
    level = sum(size >= threshold for threshold in GRADES[quality])
    more: Side | None = None if level == 0 else "A" if value > 0 else "B"
    return Reading(quality, value, more, level, size / GRADES[quality][0])


def _octaves(a: float, b: float, floor: float) -> float:
    # A difference of logarithms, not the logarithm of a ratio: exactly antisymmetric in floating point.
    return log2(a + floor) - log2(b + floor)


def _beyond(value: float, explained: float) -> float:
    """The part of a difference that another one does not explain: nearer to zero, never past it, never farther."""
    return max(0.0, value - max(0.0, explained)) if value > 0 else min(0.0, value - min(0.0, explained))


def _tint(warmth: float, own: Statistics, others: Statistics) -> float:
    """Warmth as it would be at the pair's mean colourfulness: saturation alone makes no picture warmer."""
    mean = (own.colorfulness + others.colorfulness) / 2 + MUTED
    return warmth / (own.colorfulness + MUTED) * mean


def _tonal_contrast(evidence: Evidence) -> float:
    """Standard deviation of the crop's luma without what its grain adds, grey levels."""
    grain = evidence.patches.grain if evidence.patches else 0.0
    return float(max(0.0, evidence.crop_contrast**2 - grain**2) ** 0.5)


def _sharper(a: Edges, b: Edges) -> float:
    """Positive where A's edges are narrower; nan where a photo has no edges."""
    return log2(b.width) - log2(a.width) if a.count and b.count else float("nan")
