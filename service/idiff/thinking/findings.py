"""What the readings mean to an expert: sharpness or grain, smoothing or cleanliness, sharpening or detail.

Each function looks at one aspect and gives one finding, a difference (level 1-3) or its absence (level 0). A finding
says what was measured, whatever the verdict.
"""

from dataclasses import dataclass, replace
from typing import Final

from idiff.thinking.pair import RIM_STRONG, Pair, other
from idiff.thinking.scales import Quality, Reading, measurement
from idiff.types import Measurement, Side

MID_GREY: Final = 118.0
"""Luma of an average exposure: 18 % reflectance, sRGB-encoded."""

OFF_BALANCE: Final = 15.0
"""Grey levels by which a frame must be farther from mid-grey than the other one to look too dark or too bright."""

TONAL: Final[tuple[Quality, ...]] = ("brightness", "contrast", "warmth", "green")
"""What a change of exposure or white balance moves."""

COLORLESS: Final = 4.0
"""Colourfulness below which a frame looks like black and white."""

COLORED: Final = 12.0
"""Colourfulness above which it does not."""


@dataclass(frozen=True, slots=True)
class Finding:
    """`key`: the phrase in phrases.toml; `x`: the photo in its first role, None where it names none.

    `favours`: the photo it speaks for. `level`, `weight`: as of a `Reading`, usually of `reading`, which it rests on.
    `checked` is False where nothing could be measured. `about`: the quality it speaks of, where not that of `reading`.
    """

    key: str
    x: Side | None = None
    favours: Side | None = None
    level: int = 0
    weight: float = 0.0
    reading: Reading | None = None
    checked: bool = True
    about: Quality | None = None

    @property
    def quality(self) -> Quality | None:
        """What it speaks of, by which `SCALES` tells on which claims it bears."""
        return self.about or (self.reading.quality if self.reading else None)

    @property
    def measurement(self) -> Measurement | None:
        """`reading` as it is told with a line."""
        return measurement(self.reading) if self.reading else None


def sharpness(pair: Pair) -> Finding:
    counts = pair.a.edges.count, pair.b.edges.count
    if not all(counts):
        if not any(counts):
            return Finding("edges_none", checked=False)
        only: Side = "A" if counts[0] else "B"
        return Finding("edges_one", only, only, 3, 10.0, about="sharpness")
    reading = pair.readings["sharpness"]
    if reading.more is None and pair.detailed():
        side, detail = pair.more("detail"), pair.readings["detail"]
        return _difference("sharper_harsh" if pair.enhanced() == side else "sharper_detail", detail, side)
    if reading.more is None:
        return _similar("sharpness_similar", reading)
    if pair.grain_sharpened():
        return _difference("sharper_grain", reading, None)
    if pair.enhanced() == reading.more:
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
            return replace(_difference("texture_grain", grain, None), about="texture")
        return _similar("texture_similar", reading)
    if pair.coarser(side):
        return None  # Block edges look like texture.
    if pair.enhanced() == side:
        return _difference("texture_sharpened", reading, None)
    if pair.smoothed():
        return _difference("texture_smeared", reading, side)
    if pair.noisier() == side:
        return replace(_difference("texture_grain", pair.readings["added_grain"], None), about="texture")
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
        clean = other(color.more)
        doubtful = pair.softer(clean) or pair.coarser("A") or pair.coarser("B") or (_relit(pair) and color.level < 2)
        return None if doubtful else _difference("color_noise", color, clean)
    if reading.more is None:
        if shadow and shadow.more and shadow.level >= 2 and not pair.softer(other(shadow.more)):
            return _difference("noisier_shadows", shadow, other(shadow.more))
        return _similar("noise_similar", reading)
    plain = pair.noisier() == reading.more and pair.readings["added_grain"].level >= 2
    if pair.smoothed() == other(reading.more) and not plain:
        return _difference("noise_smoothing", reading, None)
    if pair.grain_follows():
        return Finding("noise_follows", reading.more, reading=reading)
    if pair.softer(other(reading.more)) or pair.coarser(other(reading.more)):
        return None  # Softness and compression take grain away, which is no merit.
    if shadow and shadow.more == reading.more and shadow.weight > 1.3 * reading.weight:
        return _difference("noisier_shadows", shadow, other(reading.more))
    return _difference("noisier", reading, other(reading.more))


def halos(pair: Pair) -> Finding | None:
    side = pair.halos()
    if side is None:
        return None
    finding = _difference("halos", pair.readings["halos"], other(side))
    return replace(finding, level=max(2, finding.level)) if pair.rims(side) >= RIM_STRONG else finding


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
        return (
            Finding("global_magnified", level=1, weight=1.0, reading=reading)
            if pair.sharper()
            else _similar("global_similar", reading)
        )
    if pair.noisier() == reading.more:
        return None
    if pair.sharper() != reading.more and (reading.level < 2 or pair.more("grain") or pair.blocky() or _relit(pair)):
        return None  # Grain, block edges and another exposure move the measured width of edges by themselves.
    key = "global_sharper" if pair.sharper() == reading.more else "global_sharper_alone"
    return _difference(key, reading, reading.more)


def exposure(pair: Pair) -> Finding:
    """Clipping where it is plain, else brightness where it departs from mid-grey, else clipping where it is slight."""
    clipping = max(pair.readings["highlights"], pair.readings["shadows"], key=lambda reading: reading.weight)
    brightness = pair.readings["brightness"]
    if clipping.more and not brightness.more and (clipping.level < 2 or pair.softer(other(clipping.more))):
        return _similar(
            "exposure_similar", brightness
        )  # Blur alone takes the darkest and brightest pixels away, as grain does.
    if clipping.more and not brightness.more and pair.more("grain") == other(clipping.more):
        return _similar("exposure_similar", brightness)
    if clipping.more and clipping.level >= min(3, max(2, brightness.level)):
        return _difference(clipping.quality, clipping, other(clipping.more))
    if brightness.more and brightness.level >= 2:
        lit, dark = brightness.more, other(brightness.more)
        departure = abs(pair.tone(dark, "brightness") - MID_GREY) - abs(pair.tone(lit, "brightness") - MID_GREY)
        if departure >= OFF_BALANCE:
            return Finding("dim", dark, lit, brightness.level, brightness.weight, brightness)
        if departure <= -OFF_BALANCE:
            return Finding("glaring", lit, dark, brightness.level, brightness.weight, brightness)
        return _difference("brighter", brightness, None)
    if clipping.more:
        return _difference(clipping.quality, clipping, other(clipping.more))
    return _difference("brighter", brightness, None) if brightness.more else _similar("exposure_similar", brightness)


def contrast(pair: Pair) -> Finding | None:
    reading = pair.readings["contrast"]
    return _difference("contrast", reading, None) if reading.more else None


def color(pair: Pair) -> Finding | None:
    saturation = pair.readings["color"]
    balance = max(pair.readings["warmth"], pair.readings["green"], key=lambda reading: reading.weight)
    rich = saturation.more
    if rich and pair.tone(rich, "colorfulness") > COLORED and pair.tone(other(rich), "colorfulness") < COLORLESS:
        return _difference("colorless", saturation, None)
    if rich and balance.level < 2 and saturation.weight >= balance.weight:
        if pair.more("color_grain") == rich and pair.readings["color_grain"].level >= 2:
            return None  # Color noise counts as colorfulness.
        return _difference("color", saturation, None)
    if balance.more:
        return _difference("warmer" if balance.quality == "warmth" else "greener", balance, None)
    return _similar("color_similar", saturation)


def _relit(pair: Pair) -> bool:
    """Whether tone or color balance differ so much that they may pass for other differences."""
    return any(pair.readings[name].level >= 2 for name in TONAL)


CROP: Final = (sharpness, texture, noise, halos, blocks)
IDENTICAL: Final = (
    Finding("same_sharpness", about="sharpness"),
    Finding("same_texture", about="texture"),
    Finding("same_noise", about="grain"),
)
"""What there is to say of a crop that is the same in every pixel."""

TONES: Final = (exposure, contrast, color)
"""What can be said of the frame where the crops cannot be compared."""

FRAME: Final = (resolution, overall_sharpness, *TONES)


def _difference(key: str, reading: Reading, favours: Side | None) -> Finding:
    return Finding(key, reading.more, favours, reading.level, reading.weight, reading)


def _similar(key: str, reading: Reading) -> Finding:
    return Finding(key, reading=reading)
