"""What a ranking is over the wire, shared by the service and the client."""

from typing import Annotated, Literal

from pydantic import Field

from idiff.schemas import Features, PhotoViews, Probability, Provenance, Rationale, Verdict, Warning, Wire  # noqa: A004

ReasonOption = Literal["measured", "model", "none"]

Photo = Annotated[int, Field(ge=0)]
"""A photo by its place in the order in which they were sent, from 0; errors and warnings call it `photos[3]`."""


class RankedPhoto(Wire):
    """One photo's place."""

    photo: Photo = Field(description="Its place in the order in which they were sent, from 0.")
    rank: int = Field(ge=1, description="1 is best; equal photos share a rank.")
    strength: float = Field(
        description="Log-odds, mean 0: i is preferred to j with probability 1 / (1 + exp(strength j - strength i))."
    )
    standard_error: float = Field(
        ge=0, description="Of the strength, from the Fisher information of one comparison a pair."
    )
    same_scene: bool = Field(description="Whether it seems to show the scene that most photos show.")
    views: PhotoViews


class Circle(Wire):
    """Three photos whose verdicts go in a circle: no order agrees with all of them."""

    photos: Annotated[list[Photo], Field(min_length=3, max_length=3)] = Field(
        description="Each is preferred to the next, the last to the first."
    )
    confidence: Probability = Field(description="Of the least sure of the three verdicts.")
    too_close: bool = Field(description="Whether that one is inside the release's tie band.")


class Reason(Wire):
    """Why the best photo stands before the next one: A is `winner`, B is `runner_up`."""

    winner: Photo = Field(description="The first of `order`.")
    runner_up: Photo = Field(description="The next of `order` that is not the same picture, where there is one.")
    verdict: Verdict = Field(
        description="On the two of them. Where it prefers B, the verdicts on other pairs put A before it."
    )
    features: Features = Field(description="Measured of the two of them.")
    rationale: Rationale | None = Field(description="Null for rationale=none, and where it failed.")


class Ranking(Wire):
    """The answer to POST /rank. Photos are named by their place in the order in which they were sent, from 0."""

    id: str = Field(description="Names this answer, in the service's log too.")
    api_version: Literal[1] = 1
    order: list[Photo] = Field(description="Best first; of equal photos the one sent first.")
    photos: list[RankedPhoto] = Field(description="In the order in which they were sent.")
    probabilities: list[list[Probability]] = Field(
        description="[i][j]: calibrated probability that i is preferred to j; [j][i] is 1 minus it, exactly."
    )
    indistinguishable: list[list[Photo]] = Field(
        description="Runs of `order` within which no photo can be told from another: by their strengths every verdict "
        "would be inside the release's tie band. They may overlap."
    )
    intransitive: list[Circle] = Field(description="Every three photos whose verdicts go in a circle.")
    reason: Reason
    category: Literal["person", "scene"] = Field(description="Which specialists judged all pairs.")
    category_confidence: Probability | None = Field(description="Null where the category was given.")
    category_source: Literal["given", "detected"] = Field(description="Whether the caller chose the category.")
    aligned_to: Photo = Field(description="The photo that all others were aligned to: the one they look most alike.")
    crop_method: Literal["face", "detail", "centre"] = Field(description="How the place of the crops was chosen.")
    warnings: list[Warning]
    provenance: Provenance
    timings_ms: dict[str, float] = Field(description="Milliseconds per stage, and `total`.")
