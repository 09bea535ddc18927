"""What a release folder says of itself: `manifest.json`."""

import hashlib
from bisect import bisect_right
from itertools import pairwise
from math import isclose
from typing import Annotated, Literal, NamedTuple, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

from idiff.features.definitions import DEFINITIONS
from idiff.types import CategoryName, Rule

Precision = Literal["fp32", "fp16", "fp16-compute", "int8"]


class Part(BaseModel):
    """Base of the manifest's records: unknown keys are errors, values are fixed."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class File(Part):
    """One ONNX graph of a member, relative to the release folder."""

    path: str = Field(pattern=r"^[A-Za-z0-9._-]+$")
    sha256: str = Field(pattern=r"^[0-9a-f]{64}$")
    bytes: int = Field(gt=0)


class Input(NamedTuple):
    """How a photo's views become a tensor: `side` in pixels, `mean` and `std` of 0-1 RGB, `tiles` of the crop."""

    side: int
    mean: tuple[float, float, float]
    std: tuple[float, float, float]
    tiles: int


class Member(Part):
    """One specialist.

    `encoder`: input `views` float32 (n, 1 + tiles, 3, input_size, input_size), output `embedding` float32 (n,
    embedding). `frontend`: where there is one, it takes the views, and the encoder its outputs by their names; members
    with the same one share what it gives. `head`: inputs `a` and `b` float32 (n, embedding), output `logit` float32
    (n,), positive where A is preferred. `tiles`: native windows of the crop. `mean` and `std` normalise 0-1 RGB.

    `precision` is the encoder's: `fp32`; `fp16`, weights stored as fp16 and computed in fp32; `fp16-compute`, computed
    in fp16 too; `int8`, matrix products quantised dynamically. `weight` counts with the rule `weighted` only.
    """

    name: str
    domain: CategoryName
    backbone: str
    frontend: File | None = None
    encoder: File
    head: File
    input_size: int = Field(ge=32, le=1024)
    tiles: Literal[1, 4, 9] = 1
    embedding: int = Field(gt=0)
    mean: tuple[float, float, float]
    std: tuple[float, float, float]
    opset: int
    parameters: int
    precision: Precision = "fp16"
    weight: float = Field(default=1.0, gt=0)

    @property
    def reads(self) -> Input:
        """What its encoder takes of a photo; members that read the same share it."""
        return Input(self.input_size, self.mean, self.std, self.tiles)

    @property
    def files(self) -> tuple[File, ...]:
        """Its graphs, as they are run."""
        return (*((self.frontend,) if self.frontend else ()), self.encoder, self.head)

    @property
    def megabytes(self) -> float:
        """Size of its graphs, also of those it shares."""
        return sum(file.bytes for file in self.files) / 1e6


class Fitted(Part):
    """What a category's calibration was fitted on, and what it reached there; shares 0-1.

    `data`: name of the labelled pairs, `sha256` of their file where it is one. `goal`: accuracy wanted of the verdicts
    that are not too close, `accuracy` the one they have, `accepted` how many they are. `ece`: expected calibration
    error, before and after fitting.
    """

    data: str
    sha256: str | None = Field(default=None, pattern=r"^[0-9a-f]{64}$")
    pairs: int = Field(gt=0)
    goal: float = Field(gt=0.5, le=1)
    accuracy: float = Field(ge=0, le=1)
    accepted: float = Field(ge=0, le=1)
    ece_before: float = Field(ge=0, le=1)
    ece: float = Field(ge=0, le=1)


class Calibration(Part):
    """Of one category: the ensemble's logit is divided by `temperature`; a confidence below `too_close` is a tie."""

    temperature: float = Field(gt=0)
    too_close: float = Field(ge=0.5, lt=1)
    fitted: Fitted | None = None


class Measured(Part):
    """One accuracy figure with what it was measured on and the command that measured it."""

    data: str
    category: CategoryName | Literal["all"]
    pairs: int
    accuracy: float
    command: str


class Distribution(Part):
    """Where a feature's values lie: `edges`, ascending, part the line into bins, of which each has its share (0-1). An
    edge itself belongs to the bin above it."""

    edges: tuple[float, ...]
    shares: tuple[Annotated[float, Field(gt=0, le=1)], ...]

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        if any(low >= high for low, high in pairwise(self.edges)):
            raise ValueError("edges do not ascend")
        if len(self.shares) != len(self.edges) + 1 or not isclose(sum(self.shares), 1, abs_tol=1e-3):
            raise ValueError("shares are not one more than the edges, or do not add up to 1")
        return self

    def bin(self, value: float) -> int:
        """The place of the bin that `value` falls into."""
        return bisect_right(self.edges, value)


FeatureName = Annotated[str, Field(pattern=rf"^(crop|global)\.({'|'.join(DEFINITIONS)})$")]


class Reference(Part):
    """The measured features of pictures that a release was made from, to hold those against that it is shown.
    `data`: which pictures, `photos`: how many."""

    data: str
    photos: int = Field(gt=0)
    features: dict[FeatureName, Distribution] = Field(min_length=1)

    def __str__(self) -> str:
        return f"{self.photos} photos, {self.data}"


class Manifest(Part):
    """A release: loaded whole or not at all. `rule` combines its members' votes, see `idiff.answer.rules`."""

    format: Literal[1] = 1
    version: str
    created: str
    preprocessing: str
    rule: Rule = "mean"
    members: tuple[Member, ...] = Field(min_length=1)
    calibration: dict[CategoryName, Calibration]
    measured: tuple[Measured, ...] = ()
    training: dict[str, str | int | float] = {}
    reference: Reference | None = None

    @property
    def fingerprint(self) -> str:
        """SHA-256 of all that it says, which names the release beyond its version."""
        return hashlib.sha256(self.model_dump_json().encode()).hexdigest()

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        names = [member.name for member in self.members]
        if doubled := sorted({name for name in names if names.count(name) > 1}):
            raise ValueError(f"two members are named {doubled[0]}")
        if self.rule != "weighted" and any(member.weight != 1 for member in self.members):
            raise ValueError(f"members have weights other than 1, which the rule {self.rule} does not use")
        return self
