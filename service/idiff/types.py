"""The typed, frozen values that travel along the pipeline, in the order they arise.

`Image` is an upright picture: uint8, shape (height, width, 3), RGB, sRGB-encoded, 0-255. Side "A" is the first or left
photo. All boxes and sizes are in pixels.
"""

from dataclasses import asdict, dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

Image = NDArray[np.uint8]
Side = Literal["A", "B"]
CategoryName = Literal["person", "scene"]
Rule = Literal["mean", "majority", "weighted"]


@dataclass(frozen=True, slots=True)
class Size:
    """Width and height in pixels."""

    width: int
    height: int


@dataclass(frozen=True, slots=True)
class Box:
    """An axis-aligned rectangle, top-left corner and extent, in pixels of the picture it belongs to."""

    x: int
    y: int
    width: int
    height: int


@dataclass(frozen=True, slots=True)
class Notice:
    """Something the caller should know about a successful answer: an entry of the response's `warnings`."""

    code: str
    message: str
    field: str | None = None


@dataclass(frozen=True, slots=True)
class Alignment:
    """How photo A's global view maps onto photo B's.

    `matrix` is a 2x3 similarity in *relative* units (x and y divided by the own photo's long side), so that it holds at
    any resolution; identity where alignment failed or was not needed.
    """

    method: Literal["features", "identity", "failed"]
    matrix: NDArray[np.float64]
    inliers: int
    same_scene: bool


@dataclass(frozen=True, slots=True, eq=False)
class PhotoViews:
    """The two views of one photo.

    `global_view`: the whole photo, long side at most `GLOBAL_SIDE`. `crop_view`: the chosen region at native
    resolution, `CROP_SIDE` square where the photo allows. `crop_box`: that region in upright original pixels, None
    where the caller gave the crop, whose long side is then at most `GLOBAL_SIDE`.
    """

    original: Size
    global_view: Image
    crop_view: Image
    crop_box: Box | None


@dataclass(frozen=True, slots=True, eq=False)
class Views:
    """The four views of a pair."""

    a: PhotoViews
    b: PhotoViews
    crop_method: Literal["face", "detail", "centre", "given"]
    alignment: Alignment
    notices: tuple[Notice, ...]


@dataclass(frozen=True, slots=True)
class Category:
    """Whom the pair is judged by: the person or the scene specialists. `confidence` is None where the caller chose."""

    name: CategoryName
    source: Literal["given", "detected"]
    confidence: float | None


@dataclass(frozen=True, slots=True)
class Vote:
    """One ensemble member's opinion. `probability_a`: that A is preferred, 0-1, before calibration."""

    member: str
    backbone: str
    probability_a: float
    preferred: Side | None
    weight: float


@dataclass(frozen=True, slots=True)
class Verdict:
    """The ensemble's decision. Swapping the photos negates `logit`; `probability_a` is its sigmoid."""

    preferred: Side | None
    probability_a: float
    logit: float
    confidence: float
    too_close: bool
    category: Category
    rule: Rule
    votes: tuple[Vote, ...]

    @property
    def split(self) -> bool:
        """Whether the members disagree about the preferred photo."""
        return len({vote.preferred for vote in self.votes} - {None}) > 1


@dataclass(frozen=True, slots=True)
class Statistics:
    """Measured statistics of one view; definitions in `idiff.features.cv`."""

    laplacian: float
    tenengrad: float
    noise_sigma: float
    high_frequency_ratio: float
    edge_density: float
    entropy: float
    under_exposed: float
    over_exposed: float
    colorfulness: float
    brightness: float


@dataclass(frozen=True, slots=True)
class PhotoFeatures:
    """Statistics of one photo's two views."""

    global_view: Statistics
    crop_view: Statistics

    @property
    def named(self) -> dict[str, float]:
        """Every statistic by view and name: `crop.laplacian` and so on."""
        views = {"crop": asdict(self.crop_view), "global": asdict(self.global_view)}
        return {f"{view}.{name}": value for view, statistics in views.items() for name, value in statistics.items()}


@dataclass(frozen=True, slots=True)
class Features:
    """Statistics of a pair."""

    a: PhotoFeatures
    b: PhotoFeatures


@dataclass(frozen=True, slots=True)
class ViewScores:
    """A learned metric's scores of one photo's two views, in its own units; None where it could not judge a view."""

    global_view: float | None
    crop_view: float | None


@dataclass(frozen=True, slots=True)
class LearnedScore:
    """What one learned metric says of a pair. `better`: whether more of it is, or less; `licence`: of its weights;
    `version`: of its code and weights."""

    metric: str
    better: Literal["more", "less"]
    licence: str
    version: str
    a: ViewScores
    b: ViewScores


@dataclass(frozen=True, slots=True)
class Learned:
    """What the IQA service says of a pair. `reason`: why it said nothing, None where it did."""

    scores: tuple[LearnedScore, ...]
    reason: str | None


@dataclass(frozen=True, slots=True)
class Map:
    """A local quantity of a pair on photo A's global view. `png`: base64 of a palette PNG of that view's size, colours
    from `low` to `high` in `unit`, transparent where the other photo shows nothing."""

    png: str
    low: float
    high: float
    unit: str


@dataclass(frozen=True, slots=True)
class SharpnessMaps:
    """Local sharpness of both photos on one scale."""

    a: Map
    b: Map


@dataclass(frozen=True, slots=True)
class Maps:
    """The maps of a pair that were asked for, None where one was not."""

    difference: Map | None
    sharpness: SharpnessMaps | None


@dataclass(frozen=True, slots=True)
class Measurement:
    """The number behind a line. `difference`: A minus B, in `unit`; less than `dead_band` says nothing. `better`:
    whether more of the quality is or less, None where neither."""

    quality: str
    difference: float
    unit: str
    dead_band: float
    better: Literal["more", "less"] | None


@dataclass(frozen=True, slots=True)
class Line:
    """One line of a rationale: `Region Metric: text`.

    `favours`: the photo the line speaks for, None for neither. `agrees`: whether the measurements support it, None
    where nothing was measured that bears on it. `measured`: the one that bears on it most.
    """

    region: str
    metric: str
    text: str
    favours: Side | None
    agrees: bool | None = None
    measured: Measurement | None = None


@dataclass(frozen=True, slots=True)
class Rationale:
    """Why. `text` is the whole rationale as an expert would write it; `lines` and `summary` are its parts.

    `reason`: why the model did not write it, None where it did or was not asked. `adapter`: of the model that did.
    """

    source: Literal["model", "measured"]
    text: str
    lines: tuple[Line, ...]
    summary: str
    reason: str | None
    prompt_version: str
    adapter: str | None = None

    @property
    def grounding(self) -> float | None:
        """Share of the checkable lines that agree with the measurements, 0-1; None where none is checkable."""
        checked = [line.agrees for line in self.lines if line.agrees is not None]
        return sum(checked) / len(checked) if checked else None


@dataclass(frozen=True, slots=True)
class Scores:
    """A photo's attributes as the Thinking Model scores them, 1 (bad) to 5 (excellent); of `noise`, 5 is clean."""

    overall: float
    sharpness: float
    color_fidelity: float
    noise: float
    composition: float


@dataclass(frozen=True, slots=True)
class Attributes:
    """Scores of both photos by `adapter`, None where no model gave any: `reason` says why."""

    a: Scores | None
    b: Scores | None
    reason: str | None
    prompt_version: str
    adapter: str | None = None
