"""Measured A-B differences on scales where equal steps look about equally large."""

from math import copysign, isnan, log2
from typing import Final

from idiff.features.edges import Edges
from idiff.features.evidence import Evidence
from idiff.features.patches import Spread
from idiff.thinking.scales import SCALES, Quality, Reading, grade
from idiff.types import Features, Statistics

VISIBLE_GRAIN: Final = 1.0
"""Grey levels of grain or texture that the eye hardly sees, added before the logarithm to keep traces small."""

MUTED: Final = 5.0
"""Colourfulness that plays the same role for colour."""

RIMS_PER_OCTAVE: Final = 0.15
"""How much overshoot a sharper, unsharpened picture gains per octave of edge width (share of the step)."""


TINY: Final = 1e-3
"""Energy that stands for none in a division."""

GRAIN_IN_DETAIL: Final = 0.5
"""Octaves of the Laplacian's root that an octave of grain accounts for."""

WIDTH_PER_DETAIL: Final = 2.0
"""Octaves of edge width that an octave of the Laplacian's root can vouch for."""

GRAIN_PER_TEXTURE: Final = 3.0
"""Times by which grain must exceed a difference of texture to account for all of it."""

ADDED_SHARE: Final = 0.1
"""Share of a photo's excess of fine structure in busy places that calm ones must show too: grain lies everywhere alike,
while sharpness multiplies what is there. Below 0.1 in blurred, defocused, zoomed and smeared pairs, mostly 0.2 to 1
where one photo is noisier."""

CALM_SHARE: Final = 0.3
"""Share of the energy of its calm places that a photo's added grain must make up to be seen."""

CLIPPED_MORE: Final = 0.01
"""Share of pixels near black or white that a photo must have more for its cleanliness to prove nothing."""

CLIPPED_MUCH: Final = 0.05
"""The same, from which two exposures show their fine structure in different places."""

CLIPPED_EDGES: Final = 0.3
"""Octaves by which such clipping may widen or narrow edges."""


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
        "green": _tint(a.green, tones[0], tones[1]) - _tint(b.green, tones[1], tones[0]),
        **_crop(features, a, b, color),
    }
    return {quality: grade(quality, value) for quality, value in values.items() if not isnan(value)}


def _crop(features: Features, a: Evidence, b: Evidence, color: float) -> dict[Quality, float]:
    values: dict[Quality, float] = {"blocks": a.blockiness - b.blockiness}
    contrast = _octaves(_tonal_contrast(a), _tonal_contrast(b), VISIBLE_GRAIN)
    tones = features.a.crop_view, features.b.crop_view
    brightness = _octaves(tones[0].brightness, tones[1].brightness, VISIBLE_GRAIN)
    clipped = (tones[0].under_exposed + tones[0].over_exposed) - (tones[1].under_exposed + tones[1].over_exposed)
    sharpness = _sharper(a.edges, b.edges)
    grain = 0.0

    alike = abs(tones[0].brightness - tones[1].brightness) < SCALES["brightness"].grades[0]
    elsewhere = not alike and abs(clipped) >= CLIPPED_MUCH

    def beyond_tone(value: float, *explained: float) -> float:
        # A brighter rendering scales all structure with it; what is clipped shows none.
        hidden = elsewhere or (abs(clipped) >= CLIPPED_MORE and value * clipped < 0)
        return 0.0 if hidden else _beyond(value, contrast, brightness, *explained)

    if a.patches and b.patches:
        texture = _octaves(a.patches.texture, b.patches.texture, VISIBLE_GRAIN)
        grain = beyond_tone(_octaves(a.patches.grain, b.patches.grain, VISIBLE_GRAIN))
        values["grain"] = grain
        added = _added(a.patches.luma, b.patches.luma)
        values["added_grain"] = added if grain * added > 0 else 0.0
        leaked = grain * texture > 0 and abs(grain) > GRAIN_PER_TEXTURE * abs(texture)
        values["texture"] = 0.0 if leaked else beyond_tone(texture)
        color_grain = _octaves(a.patches.color_grain, b.patches.color_grain, VISIBLE_GRAIN)
        added_color = _added(a.patches.color, b.patches.color)
        values["color_grain"] = beyond_tone(color_grain, color) if color_grain * added_color > 0 else 0.0
        # Of different exposures, different places lie in the shadows.
        if alike and a.patches.shadow_grain is not None and b.patches.shadow_grain is not None:
            values["shadow_grain"] = beyond_tone(
                _octaves(a.patches.shadow_grain, b.patches.shadow_grain, VISIBLE_GRAIN)
            )
    if not isnan(sharpness):
        # The Laplacian is in squared grey levels, hence the half. Where it speaks against the edges, less is claimed.
        laplacian = _octaves(features.a.crop_view.laplacian, features.b.crop_view.laplacian, VISIBLE_GRAIN) / 2
        slack = copysign(CLIPPED_EDGES if elsewhere else 0.0, sharpness)
        values["laplacian"] = _beyond(laplacian, contrast, brightness)
        values["detail"] = _beyond(values["laplacian"], GRAIN_IN_DETAIL * grain)
        values["sharpness"] = _vouched(
            _beyond(sharpness, -values["detail"], slack), WIDTH_PER_DETAIL * values["laplacian"]
        )
        rims = _beyond(a.edges.overshoot - b.edges.overshoot, RIMS_PER_OCTAVE * sharpness)
        values["halos"] = 0.0 if abs(clipped) >= CLIPPED_MORE and rims * clipped < 0 else rims
    return values


def _octaves(a: float, b: float, floor: float) -> float:
    # A difference of logarithms, not the logarithm of a ratio: exactly antisymmetric in floating point.
    return log2(a + floor) - log2(b + floor)


def _added(a: Spread, b: Spread) -> float:
    """Grain that lies everywhere in one photo and not in the other, grey levels, positive where it is A's."""
    return _constant(a, b) - _constant(b, a)


def _constant(one: Spread, two: Spread) -> float:
    """Root of the constant c where one's energies are k times two's plus c; 0 where c is negative, or a negligible part
    of what one's busy places have more or of what its calm ones have."""
    gain = (one.busy - one.calm) / max(two.busy - two.calm, TINY)
    constant, excess = one.calm - gain * two.calm, one.busy - two.busy
    told = excess > 0 and constant >= max(ADDED_SHARE * excess, CALM_SHARE * one.calm)
    return float(constant**0.5) if told else 0.0


def _beyond(value: float, *explained: float) -> float:
    """The part of a difference that no other one explains: nearer to zero, never past it, never farther."""
    return max(0.0, value - max(0.0, *explained)) if value > 0 else min(0.0, value - min(0.0, *explained))


def _vouched(value: float, support: float) -> float:
    """The part of a difference that another one of the same sign vouches for."""
    return min(value, max(0.0, support)) if value > 0 else max(value, min(0.0, support))


def _tint(balance: float, own: Statistics, others: Statistics) -> float:
    """Warmth or greenness as it would be at the pair's mean colourfulness: saturation alone makes no picture warmer."""
    mean = (own.colorfulness + others.colorfulness) / 2 + MUTED
    return balance / (own.colorfulness + MUTED) * mean


def _tonal_contrast(evidence: Evidence) -> float:
    """Standard deviation of the crop's luma without what its grain adds, grey levels."""
    grain = evidence.patches.grain if evidence.patches else 0.0
    return float(max(0.0, evidence.crop_contrast**2 - grain**2) ** 0.5)


def _sharper(a: Edges, b: Edges) -> float:
    """Positive where A's edges are narrower; nan where a photo has no edges."""
    return log2(b.width) - log2(a.width) if a.count and b.count else float("nan")
