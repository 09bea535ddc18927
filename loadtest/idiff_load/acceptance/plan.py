"""What an acceptance runs and demands, read from a TOML file."""

import tomllib
from pathlib import Path
from typing import Annotated, Final, Self

from pydantic import BaseModel, ConfigDict, Field

from idiff_load.profiles import Bound

FILE: Final = Path(__file__).parents[2] / "acceptance.toml"
STRICT: Final = ConfigDict(frozen=True, extra="forbid")

Count = Annotated[int, Field(ge=1)]
Positive = Annotated[float, Field(gt=0)]


class AnswerPlan(BaseModel):
    """Of `idiff bench answer`: pairs a call, and rounds."""

    model_config = STRICT

    batches: Annotated[tuple[Count, ...], Field(min_length=1)]
    repeats: Count


class RationalePlan(BaseModel):
    """Of `idiff bench thinking`: rationales at once, how many of them in each case, and their most tokens."""

    model_config = STRICT

    at_once: Annotated[tuple[Count, ...], Field(min_length=1)]
    requests: Count
    tokens: Annotated[int, Field(ge=16)]


class SoakPlan(BaseModel):
    """Of the load profile `soak`: pairs per second, each with a rationale, and for how long."""

    model_config = STRICT

    rate: Positive
    seconds: Positive


class Plan(BaseModel):
    """`card`: in the name that the driver gives it; empty: none is wanted. `goals`: over all measures."""

    model_config = STRICT

    card: str
    goals: Annotated[tuple[Bound, ...], Field(min_length=1)]
    answer: AnswerPlan
    rationale: RationalePlan
    soak: SoakPlan

    @classmethod
    def read(cls, file: Path) -> Self:
        """Raises pydantic.ValidationError where the file has what no plan has."""
        return cls.model_validate(tomllib.loads(file.read_text()))
