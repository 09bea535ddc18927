"""What a run is: one TOML file, every value checked, the paper's recipe where nothing is said."""

import tomllib
from math import cos, pi
from pathlib import Path
from typing import Annotated, Any, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from idiff.types import CategoryName

Family = Literal["resnet", "efficientnet", "convnext", "swin", "maxvit"]
Share = Annotated[float, Field(ge=0, lt=1)]

HARMLESS = frozenset({"workers", "device", "checkpoint_every", "validate_every", "validation_scenes", "log_every"})
"""Fields that a resumed run may change: the weights do not depend on them, but for a device's own rounding."""


class RunError(ValueError):
    """A run cannot start as it is configured; the message is one line for the person who wrote it."""


class RunConfig(BaseModel):
    """One run of one member. Paths are relative to the working directory.

    `cache`: a rendered cache with the splits "train" and, optionally, "validation". `category`: only these scenes; all
    where absent. `layout`: `split` is the encoder and antisymmetric head that ship, `merged` the paper's baseline.
    `pretrained`: timm's ImageNet weights, downloaded (true) or from a local checkpoint (path). `init`: a member.pt to
    start from instead. `steps` replaces `epochs`. `batch`: scenes a step, over all processes. `side`: input, pixels,
    cut from the cached side. `tiles_per_step`: native tiles a step looks at beside the global view. `warmup`: share of
    the steps. `clip`: greatest gradient norm, 0 for no limit. `threads`: of torch, 0 for its own choice. `*_every`: in
    steps; validation on the way sees `validation_scenes` scenes, the final one all.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    cache: Path
    family: Family
    category: CategoryName | None = None
    scale: Literal["full", "starter"] = "full"
    layout: Literal["split", "merged"] = "split"
    pretrained: bool | Path = True
    init: Path | None = None
    epochs: float = Field(10, gt=0, le=10_000)
    steps: int | None = Field(None, ge=1)
    batch: int = Field(32, ge=1, le=65_536)
    lr: float = Field(1e-4, gt=0, le=1)
    weight_decay: float = Field(1e-4, ge=0, le=1)
    schedule: Literal["constant", "cosine"] = "constant"
    warmup: Share = 0
    clip: float = Field(0, ge=0)
    side: int = Field(224, ge=32, le=1024)
    tiles_per_step: int = Field(1, ge=1, le=64)
    precision: Literal["fp32", "bf16"] = "fp32"
    compile: bool = False
    seed: int = Field(42, ge=0, lt=2**31)
    workers: int = Field(4, ge=0, le=256)
    threads: int = Field(0, ge=0, le=1024)
    device: Literal["auto", "cpu", "cuda"] = "auto"
    checkpoint_every: int = Field(500, ge=1)
    validate_every: int = Field(500, ge=1)
    validation_scenes: int = Field(256, ge=1)
    log_every: int = Field(20, ge=1)

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        if self.steps is not None and "epochs" in self.model_fields_set:
            raise ValueError("give epochs or steps, not both")
        if self.pretrained is not False and self.scale == "starter":
            raise ValueError("pretrained: the starter scale has no pretrained weights, set it to false")
        for name, path in (("pretrained", self.pretrained), ("init", self.init)):
            if isinstance(path, Path) and not path.is_file():
                raise ValueError(f"{name}: no file {path}")
        return self

    @classmethod
    def read(cls, path: Path) -> Self:
        """A run file (TOML). Raises RunError that names the file and the key at fault."""
        try:
            return cls(**tomllib.loads(path.read_text()))
        except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
            raise RunError(f"{path}: {error}") from error
        except ValidationError as error:
            raise RunError(f"{path}: " + "; ".join(map(_line, error.errors()))) from error

    def record(self) -> dict[str, Any]:
        """The configuration as plain values, as checkpoints keep it."""
        return self.model_dump(mode="json")

    def total_steps(self, scenes: int) -> int:
        """Optimiser steps of the run over `scenes` scenes; the rest of an epoch that fills no batch is left out.

        Raises RunError where the scenes do not fill one batch.
        """
        if scenes < self.batch:
            kind = f"{self.category} " if self.category else ""
            raise RunError(f"batch: {self.batch} is more than the {scenes} {kind}scenes of {self.cache}")
        return self.steps if self.steps is not None else max(1, round(self.epochs * (scenes // self.batch)))

    def rate(self, step: int, total: int) -> float:
        """Learning rate of a step, 0-based: linear warm-up, then constant or a cosine towards zero."""
        warm = round(self.warmup * total)
        if step < warm:
            return self.lr * (step + 1) / (warm + 1)
        if self.schedule == "constant":
            return self.lr
        return self.lr * 0.5 * (1 + cos(pi * (step - warm) / (total - warm)))


def _line(error: Any) -> str:  # noqa: ANN401 - pydantic's error record
    place = ".".join(str(part) for part in error["loc"] if part not in ("bool", "function-after"))
    if error["type"] == "extra_forbidden":
        return f"{place}: unknown key"
    message = str(error["msg"]).removeprefix("Value error, ")
    return f"{place}: {message}" if place else message
