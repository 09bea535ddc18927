"""What goes over the wire, shared by the service and the client. `api_version` 1: later versions only add fields."""

from typing import Annotated, Any, Literal, Self

from pydantic import BaseModel, ConfigDict, Field

from idiff.errors import IdiffError

Side = Literal["A", "B"]
CategoryOption = Literal["auto", "person", "scene"]
RationaleOption = Literal["auto", "model", "measured", "none"]
AttributesOption = Literal["false", "true"]
MapsOption = Literal["none", "difference", "sharpness", "difference,sharpness"]

Probability = Annotated[float, Field(ge=0, le=1)]
Share = Annotated[float, Field(ge=0, le=1)]


class Wire(BaseModel):
    """Base of everything on the wire; read from the domain's frozen values by attribute."""

    model_config = ConfigDict(from_attributes=True)


class Vote(Wire):
    """One ensemble member's opinion."""

    member: str = Field(description="Name of the specialist.", examples=["scene-convnext"])
    backbone: str = Field(description="Family of its network.")
    probability_a: Probability = Field(description="That A is preferred, before calibration.")
    preferred: Side | None = Field(description="Null only at an exact tie.")
    weight: Share = Field(description="Its share of the vote.")


class Verdict(Wire):
    """Which photo a professional would prefer, and how sure the ensemble is."""

    preferred: Side | None = Field(description="Null only at an exact tie, as for identical photos.")
    probability_a: Probability = Field(description="Calibrated probability that A is preferred.")
    logit: float = Field(description="Log-odds of `probability_a`; swapping the photos negates it.")
    confidence: Annotated[float, Field(ge=0.5, le=1)] = Field(description="max(probability_a, 1 - probability_a).")
    too_close: bool = Field(
        description="The confidence is inside the release's tie band, or an exact tie: treat as equal."
    )
    category: Literal["person", "scene"] = Field(description="Which specialists voted.")
    category_confidence: Probability | None = Field(description="Null where the category was given.")
    category_source: Literal["given", "detected"] = Field(description="Whether the caller chose the category.")
    rule: Literal["mean", "majority", "weighted"] = Field(
        description="How the votes were combined: the equal mean of the probabilities, the side with more votes (the "
        "mean decides an equal vote), or the mean weighted by validation."
    )
    votes: list[Vote] = Field(description="One per specialist of the category.")


class Measurement(Wire):
    """The number behind a line."""

    quality: str = Field(description="What was measured.", examples=["grain"])
    difference: float = Field(description="A minus B, in `unit`.")
    unit: str = Field(description="Octaves (log2 of a ratio), grey levels, or a share.")
    dead_band: float = Field(description="A smaller difference says nothing.")
    better: Literal["more", "less"] | None = Field(description="Which is better; null where neither is by itself.")


class Line(Wire):
    """One line of the rationale."""

    region: str = Field(description="What part of the picture it is about.", examples=["Face"])
    metric: str = Field(description="What quality it is about.", examples=["Texture"])
    text: str = Field(description="What is seen there.")
    favours: Side | None = Field(description="The photo that the line speaks for; null for neither.")
    agrees: bool | None = Field(
        description="Whether the measurements support the line; null where none bears on it or they are too close."
    )
    measured: Measurement | None = Field(description="The measurement that bears on it most.")


class Rationale(Wire):
    """Why, in the words an expert would use."""

    source: Literal["model", "measured"] = Field(description="The Thinking Model, or measured differences.")
    text: str = Field(description="The whole, `Region Metric: text` a line, the global summary last.")
    lines: list[Line] = Field(description="The lines before the summary.")
    summary: str = Field(description="The global summary.")
    grounding: Share | None = Field(description="Share of checkable lines that agree with the measurements.")
    reason: str | None = Field(description="Why the Thinking Model did not write it; null where it did.")
    prompt_version: str = Field(description="Version of the prompt, or of the measured rationale's rules.")


Score = Annotated[float, Field(ge=1, le=5)]


class Scores(Wire):
    """A photo's attributes, 1 (bad) to 5 (excellent)."""

    overall: Score = Field(description="The whole picture's quality.")
    sharpness: Score = Field(description="Focus, edges and fine detail.")
    color_fidelity: Score = Field(description="How accurate and natural the colors are.")
    noise: Score = Field(description="Freedom from noise and artifacts: 5 is clean.")
    composition: Score = Field(description="Framing, light and arrangement.")


class Attributes(Wire):
    """The Thinking Model's scores of both photos, for `attributes=true`. Measured differences are no scores."""

    a: Scores | None = Field(description="Null where no model gave any.")
    b: Scores | None
    reason: str | None = Field(description="Why there are none; null where there are.")
    prompt_version: str = Field(description="Version of the prompt.")


class Statistics(Wire):
    """Statistics of one view: the crop as the models see it, the global view at a long side of 256 px."""

    laplacian: float
    tenengrad: float
    noise_sigma: float
    high_frequency_ratio: Share
    edge_density: Share
    entropy: Annotated[float, Field(ge=0, le=8)]
    under_exposed: Share
    over_exposed: Share
    colorfulness: float
    brightness: Annotated[float, Field(ge=0, le=255)]


class PhotoFeatures(Wire):
    """Statistics of a photo's two views."""

    global_view: Statistics
    crop_view: Statistics


class ViewScores(Wire):
    """A learned metric's scores of one photo's views, in its own units; null for a view it could not judge."""

    global_view: float | None
    crop_view: float | None


class LearnedScore(Wire):
    """What one learned metric says of the pair."""

    metric: str = Field(description="Its name.", examples=["liqe"])
    better: Literal["more", "less"] = Field(description="Whether more of it is better, or less.")
    licence: str = Field(description="Of the metric and its weights.")
    version: str = Field(description="Of the metric's code and weights.")
    a: ViewScores
    b: ViewScores


class Learned(Wire):
    """Learned quality scores, of a service of their own. They inform the rationale, never the verdict."""

    scores: list[LearnedScore]
    reason: str | None = Field(description="Why there are none; null where there are.")


class Features(Wire):
    """Measured evidence."""

    a: PhotoFeatures
    b: PhotoFeatures
    learned: Learned | None = Field(
        default=None, description="Null where no IQA service is configured, and in the `verdict` of a stream."
    )


Png = Annotated[str, Field(json_schema_extra={"contentEncoding": "base64", "contentMediaType": "image/png"})]


class Map(Wire):
    """A local quantity as a picture that fits photo A's global view pixel by pixel."""

    png: Png = Field(description="Transparent where photo B shows nothing of that place.")
    low: float = Field(description="Value of the first colour, dark; whatever is below has it too.")
    high: float = Field(description="Value of the last colour, bright; whatever is above has it too.")
    unit: str = Field(description="Of `low` and `high`.")


class SharpnessMaps(Wire):
    """Strength of fine detail in both photos, on one scale (colours: viridis). Noise counts as detail."""

    a: Map
    b: Map = Field(description="Measured in photo B, then moved onto A.")


class Maps(Wire):
    """Where the photos differ, for `maps`. Nothing of them is kept unless the answer is."""

    difference: Map | None = Field(
        description="Color difference of the aligned photos, CIE 1976 (colours: inferno). Null unless asked for."
    )
    sharpness: SharpnessMaps | None = Field(description="Null unless asked for.")


class Size(Wire):
    """Pixels."""

    width: int = Field(description="Pixels.")
    height: int = Field(description="Pixels.")


class Box(Wire):
    """A rectangle in upright original pixels, measured from the top-left corner."""

    x: int = Field(description="Left edge.")
    y: int = Field(description="Top edge.")
    width: int = Field(description="Pixels.")
    height: int = Field(description="Pixels.")


class PhotoViews(Wire):
    """The views that were made of one photo."""

    original: Size = Field(description="Upright size of the photo that was sent.")
    global_size: Size = Field(description="Size of the whole-photo view.")
    crop_size: Size = Field(description="Size of the crop view.")
    crop_box: Box | None = Field(description="Where the crop was cut; null where it was sent.")


class Alignment(Wire):
    """How the two photos were brought to the same content."""

    method: Literal["features", "identity", "failed"] = Field(
        description="By matched points, none needed, or none found: crops are then cut from the centre."
    )
    inliers: int = Field(description="Matched points that the alignment rests on.")
    matrix: list[list[float]] = Field(
        description="2x3 map from A to B; coordinates are divided by the photo's own long side."
    )


class Views(Wire):
    """What the models saw."""

    a: PhotoViews
    b: PhotoViews
    crop_method: Literal["face", "detail", "centre", "given"] = Field(description="How the crop was chosen.")
    alignment: Alignment
    same_scene: bool = Field(description="Whether the photos seem to show the same scene.")


class Warning(Wire):  # noqa: A001
    """Something to know about a successful answer."""

    code: str = Field(
        description="Machine-readable: not_same_scene, alignment_failed, resolution_differs, low_resolution, "
        "split_vote, winner_by_others, rationale_fallback, rationale_failed, attributes_missing, learned_missing, "
        "maps_missing, gain_map_ignored, extra_images_ignored, hdr_tone_mapped, profile_missing, profile_invalid, "
        "alpha_composited; later versions may add more.",
        examples=["not_same_scene"],
    )
    message: str = Field(description="For people.")
    field: str | None = Field(description="The form field or part of the answer it is about.")


class Provenance(Wire):
    """What produced this answer, so that it can be reproduced."""

    service: str = Field(description="Version of iDiff.")
    release: str = Field(description="Version of the Answer Model release.")
    providers: list[str] = Field(description="Execution providers of ONNX Runtime.")
    adapter: str | None = Field(description="Served model name of the rationale's adapter; null where none wrote it.")
    preprocessing: str = Field(description="Version of everything between file and model input.")
    cached: bool = Field(default=False, description="Whether this is the kept answer to the same upload, sent earlier.")


class Comparison(Wire):
    """The answer to POST /compare."""

    id: str = Field(description="Names this answer, in the service's log too.")
    api_version: Literal[1] = 1
    verdict: Verdict
    rationale: Rationale | None = Field(description="Null for rationale=none, and where it failed.")
    attributes: Attributes | None = Field(default=None, description="Null unless asked for.")
    features: Features
    maps: Maps | None = Field(default=None, description="Null unless asked for, and in the `verdict` of a stream.")
    views: Views
    warnings: list[Warning]
    provenance: Provenance
    timings_ms: dict[str, float] = Field(description="Milliseconds per stage, and `total`.")


class RationaleDelta(Wire):
    """A piece of the rationale's text."""

    text: str


class RationaleRestart(Wire):
    """All pieces sent so far must be dropped."""

    reason: str


class Done(Wire):
    """Last event of a stream."""

    id: str
    warnings: list[Warning] = Field(description="All warnings, those of the rationale included.")
    adapter: str | None
    timings_ms: dict[str, float]


class ServiceInfo(Wire):
    """What is being served and within which bounds."""

    service: str
    preprocessing: str
    release: dict[str, Any]
    providers: list[str]
    thinking: dict[str, Any] | None
    thinking_trial: dict[str, Any] | None
    iqa: dict[str, Any] | None
    limits: dict[str, int]
    views: dict[str, int]


class ErrorDetail(Wire):
    """Why a request was refused."""

    code: str = Field(description="Machine-readable.", examples=["too_many_pixels"])
    message: str = Field(description="For people: what is wrong and what to do.")
    field: str | None = Field(default=None, description="The form field at fault.")
    limit: int | float | str | None = Field(default=None, description="The bound that was crossed.")


class ErrorBody(Wire):
    """Body of every 4xx and 5xx answer."""

    error: ErrorDetail

    @classmethod
    def of(cls, error: IdiffError) -> Self:
        """An error as the wire shows it."""
        detail = ErrorDetail(code=error.code, message=error.message, field=error.field, limit=error.limit)
        return cls(error=detail)
