"""What a release folder says of itself: `manifest.json`."""

from typing import Literal, NamedTuple

from pydantic import BaseModel, ConfigDict, Field

from idiff.types import CategoryName


class Part(BaseModel):
    """Base of the manifest's records: unknown keys are errors, values are fixed."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class File(Part):
    """One ONNX graph of a member, relative to the release folder."""

    path: str = Field(pattern=r"^[A-Za-z0-9._-]+$")
    sha256: str = Field(pattern=r"^[0-9a-f]{64}$")
    bytes: int = Field(gt=0)


class Input(NamedTuple):
    """How a photo's views become a tensor: `side` in pixels; `mean` and `std` normalise 0-1 RGB."""

    side: int
    mean: tuple[float, float, float]
    std: tuple[float, float, float]


class Member(Part):
    """One specialist.

    `encoder`: input `views` float32 (n, 2, 3, input_size, input_size), output `embedding` float32 (n, embedding).
    `head`: inputs `a` and `b` float32 (n, embedding), output `logit` float32 (n,), positive where A is preferred.
    `mean` and `std` normalise 0-1 RGB.
    """

    name: str
    domain: CategoryName
    backbone: str
    encoder: File
    head: File
    input_size: int = Field(ge=32, le=1024)
    embedding: int = Field(gt=0)
    mean: tuple[float, float, float]
    std: tuple[float, float, float]
    opset: int
    parameters: int
    weight: float = Field(default=1.0, gt=0)

    @property
    def reads(self) -> Input:
        """What its encoder takes of a photo; members that read the same share it."""
        return Input(self.input_size, self.mean, self.std)


class Calibration(Part):
    """Of one category: the ensemble's logit is divided by `temperature`; a confidence below `too_close` is a tie."""

    temperature: float = Field(gt=0)
    too_close: float = Field(ge=0.5, lt=1)


class Measured(Part):
    """One accuracy figure with what it was measured on and the command that measured it."""

    data: str
    category: CategoryName | Literal["all"]
    pairs: int
    accuracy: float
    command: str


class Manifest(Part):
    """A release: loaded whole or not at all."""

    format: Literal[1] = 1
    version: str
    created: str
    preprocessing: str
    rule: Literal["mean"] = "mean"
    members: tuple[Member, ...] = Field(min_length=1)
    calibration: dict[CategoryName, Calibration]
    measured: tuple[Measured, ...] = ()
    training: dict[str, str | int | float] = {}
