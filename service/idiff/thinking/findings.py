"""What the readings mean to an expert: sharpness or grain, smoothing or cleanliness, sharpening or detail.

Each function looks at one aspect and gives one finding, a difference (level 1-3) or its absence (level 0). A finding
says what was measured, whatever the verdict.
"""

from dataclasses import dataclass
from typing import Final

from idiff.thinking.pair import Pair, other
from idiff.thinking.readings import Reading
from idiff.types import Side

MID_GREY: Final = 118.0
"""Luma of an average exposure: 18 % reflectance, sRGB-encoded."""

OFF_BALANCE: Final = 15.0
"""Grey levels by which a frame must be farther from mid-grey than the other one to look too dark or too bright."""

COLORLESS: Final = 4.0
"""Colourfulness below which a frame looks like black and white."""

COLORED: Final = 12.0
"""Colourfulness above which it does not."""


@dataclass(frozen=True, slots=True)
class Finding:
    """`key`: the phrase in phrases.toml; `x`: the photo in its first role, None where it names none.

    `favours`: the photo it speaks for. `checked` is False where nothing could be measured.
    """

    key: str
    x: Side | None = None
    favours: Side | None = None
    level: int = 0
    weight: float = 0.0
    checked: bool = True


def sharpness(pair: Pair) -> Finding:
    counts = pair.a.edges.count, pair.b.edges.count
    if not all(counts):
        if not any(counts):
            return Finding("edges_none", checked=False)
        side: Side = "A" if counts[0] else "B"
        return Finding("edges_one", side, side, 3, 10.0)
    reading = pair.readings["sharpness"]
    if reading.more is None and pair.detailed():
        return _difference("sharper_detail", pair.readings["detail"], pair.more("detail"))
    if reading.more is None:
        return Finding("sharpness_similar")
    if pair.grain_sharpened():
        return _difference("sharper_grain", reading, None)
    if pair.halos() == reading.more:
        return _difference("sharper_harsh", reading, reading.more)
    detailed = pair.more("texture") == reading.more and pair.smoothed() is None
    return _difference("sharper_detail" if detailed else "sharper_edges", reading, reading.more)


def texture(pair: Pair) -> Finding | None:
    reading = pair.readings.get("texture")
    if reading is None:
        return None
    side = reading.more
    if side is None:
        grain = pair.readings["grain"]
        if grain.level >= 2 and grain.more == pair.more("laplacian") and not pair.grain_follows():
            return _difference("texture_grain", grain, None)
        return Finding("texture_similar")
    if pair.halos() == side:
        return _difference("texture_sharpened", reading, None)
    if pair.smoothed():
        return _difference("texture_smeared", reading, side)
    if pair.more("grain") == other(side) and pair.readings["grain"].level >= 2:
        return _difference("texture_covered", reading, side)
    if pair.sharper() == other(side):
        return _difference("texture_polished", reading, side)
    return _difference("texture_finer", reading, side)


def noise(pair: Pair) -> Finding | None:
    if "grain" not in pair.readings:
        return None
    reading, color, shadow = pair.readings["grain"], pair.readings["color_grain"], pair.readings.get("shadow_grain")
    blocky = pair.blocky()
    if blocky and other(blocky) in (reading.more, color.more):
        return None
    if color.more and color.weight > reading.weight and not (pair.grain_follows() and color.more == reading.more):
        return _difference("color_noise", color, other(color.more))
    if reading.more is None:
        if shadow and shadow.more and shadow.level >= 2:
            return _difference("noisier_shadows", shadow, other(shadow.more))
        return Finding("noise_similar")
    if pair.smoothed() == other(reading.more):
        return _difference("noise_smoothing", reading, None)
    if pair.grain_follows():
        return Finding("noise_follows", reading.more)
    if shadow and shadow.more == reading.more and shadow.weight > 1.3 * reading.weight:
        return _difference("noisier_shadows", shadow, other(reading.more))
    return _difference("noisier", reading, other(reading.more))


def halos(pair: Pair) -> Finding | None:
    side = pair.halos()
    return _difference("halos", pair.readings["halos"], other(side)) if side else None


def blocks(pair: Pair) -> Finding | None:
    side = pair.blocky()
    return _difference("blocks", pair.readings["blocks"], other(side)) if side else None


def resolution(pair: Pair) -> Finding | None:
    """Only where the region was cut at different sizes; without favour, as more pixels need not mean more detail."""
    reading = pair.readings.get("resolution")
    return _difference("resolution", reading, None) if reading and reading.more else None


def overall_sharpness(pair: Pair) -> Finding | None:
    reading = pair.readings.get("global_sharpness")
    if reading is None:
        return None
    if reading.more is None:
        return Finding("global_magnified", level=1, weight=1.0) if pair.sharper() else Finding("global_similar")
    if pair.sharper() != reading.more and reading.more in (pair.more("grain"), pair.blocky()):
        return None  # Grain and block edges alone can look like sharpness.
    key = "global_sharper" if pair.sharper() == reading.more else "global_sharper_alone"
    return _difference(key, reading, reading.more)


def exposure(pair: Pair) -> Finding:
    """Clipping where it is plain, else brightness where it departs from mid-grey, else clipping where it is slight."""
    clipping = max(pair.readings["highlights"], pair.readings["shadows"], key=lambda reading: reading.weight)
    brightness = pair.readings["brightness"]
    if clipping.more and clipping.level >= min(3, max(2, brightness.level)):
        return _difference(clipping.quality, clipping, other(clipping.more))
    if brightness.more and brightness.level >= 2:
        lit, dark = brightness.more, other(brightness.more)
        departure = abs(pair.tone(dark, "brightness") - MID_GREY) - abs(pair.tone(lit, "brightness") - MID_GREY)
        if departure >= OFF_BALANCE:
            return Finding("dim", dark, lit, brightness.level, brightness.weight)
        if departure <= -OFF_BALANCE:
            return Finding("glaring", lit, dark, brightness.level, brightness.weight)
        return _difference("brighter", brightness, None)
    if clipping.more:
        return _difference(clipping.quality, clipping, other(clipping.more))
    return _difference("brighter", brightness, None) if brightness.more else Finding("exposure_similar")


def contrast(pair: Pair) -> Finding | None:
    reading = pair.readings["contrast"]
    return _difference("contrast", reading, None) if reading.more else None


def color(pair: Pair) -> Finding:
    saturation, warmth = pair.readings["color"], pair.readings["warmth"]
    rich = saturation.more
    if rich and pair.tone(rich, "colorfulness") > COLORED and pair.tone(other(rich), "colorfulness") < COLORLESS:
        return _difference("colorless", saturation, None)
    if rich and saturation.weight >= warmth.weight:
        return _difference("color", saturation, None)
    if warmth.more:
        return _difference("warmer", warmth, None)
    return Finding("color_similar")


CROP: Final = (sharpness, texture, noise, halos, blocks)
IDENTICAL: Final = (Finding("same_sharpness"), Finding("same_texture"), Finding("same_noise"))
"""What there is to say of a crop that is the same in every pixel."""

FRAME: Final = (resolution, overall_sharpness, exposure, contrast, color)


def _difference(key: str, reading: Reading, favours: Side | None) -> Finding:
    return Finding(key, reading.more, favours, reading.level, reading.weight)
