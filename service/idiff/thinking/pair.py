"""A pair's measurements and what follows from them together: sharpness or grain, softness or smoothing."""

from dataclasses import dataclass
from math import isnan
from typing import Final

from idiff.features.evidence import Evidence
from idiff.thinking.scales import Quality, Reading
from idiff.types import Features, Side

Readings = dict[Quality, Reading]

RIM_SEEN: Final = 0.35
"""Overshoot, share of the step, below which rims are no halos."""

RIM_STRONG: Final = 0.5
"""Overshoot that a photo must show to have halos where it is also the sharper one: blur takes rims away unasked."""

STEEP: Final = 0.65
"""Edge width, pixels, below which the slope exceeds what a lens and a sensor give."""

BLOCKS_SEEN: Final = 0.65
"""Blockiness, octaves, below which a grid is not seen."""

BLOCKS_HINTED: Final = 0.3
"""Difference of blockiness, octaves, from which compression may explain cleaner color."""


@dataclass(frozen=True, slots=True)
class Pair:
    """All that is measured of a pair, seen from both sides."""

    readings: Readings
    features: Features
    a: Evidence
    b: Evidence

    def more(self, quality: Quality) -> Side | None:
        """Who has more of a quality; None within the dead-band or where it could not be measured."""
        return self.readings[quality].more if quality in self.readings else None

    def evidence(self, side: Side) -> Evidence:
        return self.a if side == "A" else self.b

    def tone(self, side: Side, statistic: str) -> float:
        """A statistic of a photo's global view."""
        photo = self.features.a if side == "A" else self.features.b
        return float(getattr(photo.global_view, statistic))

    def sharper(self) -> Side | None:
        """Who has the sharper edges, unless grain alone makes them look so; of equal edges, who has plainly more detail
        and texture alike."""
        if self.more("sharpness"):
            return None if self.grain_sharpened() else self.more("sharpness")
        return self.more("detail") if self.detailed() else None

    def detailed(self) -> bool:
        """Whether one photo has plainly more of fine structure, strong and faint alike: the mark of resolution."""
        side = self.more("detail")
        plain = side is not None and self.noisier() != side and self.readings["detail"].level >= 2
        return plain and self.more("texture") == side and self.smoothed() is None

    def grain_sharpened(self) -> bool:
        """Noise steepens edges by chance: true where the sharper photo is grainier by more than sharpness explains."""
        side = self.more("sharpness")
        if side is not None and self.noisier() == side:
            return True
        grainier = side is not None and self.more("grain") == side and self._grain_per_sharpness() > 2
        return grainier and self.more("texture") != side

    def noisier(self) -> Side | None:
        """Who has grain that no sharpness explains, as it lies in calm places as much as in busy ones."""
        return self.more("added_grain")

    def grain_follows(self) -> bool:
        """Whether the grainier photo is just as much sharper: softness hides grain as it hides detail."""
        side = self.more("grain")
        if side is None or self.noisier() == side:
            return False
        return self.more("sharpness") == side and self._grain_per_sharpness() <= 2

    def smoothed(self) -> Side | None:
        """Whose fine texture and grain are gone while its edges are about as crisp: the mark of noise reduction."""
        side = self.more("texture")
        if side is None or self.more("grain") != side or "sharpness" not in self.readings:
            return None
        edges, strong, grain = (self.readings[name] for name in ("sharpness", "laplacian", "grain"))
        if edges.more == other(side):
            return None
        # Softness widens edges, and takes strong fine structure as it takes grain; smoothing takes grain first.
        return other(side) if edges.weight < 0.5 or abs(grain.value) > 1.5 * abs(strong.value) else None

    def _grain_per_sharpness(self) -> float:
        return self.readings["grain"].value / self.readings["sharpness"].value

    def halos(self) -> Side | None:
        """Who shows rims of over-sharpening; the softer photo's and a compression grid's are others."""
        side = self.more("halos")
        if side is None or self.blocky() == side or other(side) in (self.more("sharpness"), self.more("texture")):
            return None
        least = RIM_STRONG if self.sharper() == side else RIM_SEEN
        return side if self.rims(side) >= least else None

    def rims(self, side: Side) -> float:
        """Overshoot of a photo's edges in the crop, share of the step."""
        return self.evidence(side).edges.overshoot

    def enhanced(self) -> Side | None:
        """Whose crispness sharpening made: it shows halos, or edges too steep and too restless to measure them."""
        side = self.more("texture")
        if self.halos() or side is None or self.more("laplacian") != side or self.readings["texture"].level < 2:
            return self.halos()
        edges = self.evidence(side).edges
        return side if edges.width < STEEP and isnan(edges.overshoot) else None

    def softer(self, side: Side) -> bool:
        """Whether a photo lacks what the other one has of edges or texture: then its calm is no merit."""
        return self.noisier() != other(side) and other(side) in (self.sharper(), self.more("texture"))

    def coarser(self, side: Side) -> bool:
        """Whether a photo shows traces of stronger compression, which takes fine color away."""
        blocks = self.readings["blocks"]
        return abs(blocks.value) >= BLOCKS_HINTED and (blocks.value > 0) == (side == "A")

    def blocky(self) -> Side | None:
        """Who shows a compression grid. It takes grain away, which is no merit."""
        side = self.more("blocks")
        return side if side and self.evidence(side).blockiness >= BLOCKS_SEEN else None


def other(side: Side) -> Side:
    return "B" if side == "A" else "A"
