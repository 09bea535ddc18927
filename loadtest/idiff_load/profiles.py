"""Load profiles and their service levels, read from `profiles.toml`."""

import tomllib
from pathlib import Path
from typing import Annotated, Final, Self

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, model_validator

FILE: Final = Path(__file__).parents[1] / "profiles.toml"
STRICT: Final = ConfigDict(frozen=True, extra="forbid")

Positive = Annotated[float, Field(gt=0)]


class PhasePlan(BaseModel):
    """A time of one rate: `rate` per second, or `knee` times the knee."""

    model_config = STRICT

    name: str
    seconds: Positive
    rate: Positive | None = None
    knee: Positive | None = None

    @model_validator(mode="after")
    def _one(self) -> Self:
        if (self.rate is None) == (self.knee is None):
            raise ValueError(f"phase {self.name} needs either rate or knee")
        return self


class KneeRule(BaseModel):
    """What a rate must show for the service to keep up with it: a share of the offered rate served, a p99 that is at
    most so many times the lowest rate's, and nothing refused or failed. After `misses` rates in a row that do not,
    no higher one is tried."""

    model_config = STRICT

    served_share: Positive
    p99_times: Positive
    misses: Annotated[int, Field(ge=1)] = 2


class Bound(BaseModel):
    """A service level: the measure of that name (see `summary.measures`) within `min` and `max`."""

    model_config = STRICT

    measure: str
    min: float | None = None
    max: float | None = None


class Profile(BaseModel):
    """`rates`: phases of `seconds` each that come before `phases`. `settle`: whether a phase waits until all requests
    of the one before it have ended. `quiet_s`: seconds without load before the end, in which nothing may be left."""

    model_config = STRICT

    about: str
    seconds: Positive = 60
    rates: tuple[Positive, ...] = ()
    phases: tuple[PhasePlan, ...] = ()
    settle: bool = False
    quiet_s: float = 2
    rule: KneeRule | None = None
    slo: tuple[Bound, ...] = ()

    @model_validator(mode="after")
    def _named(self) -> Self:
        names = [phase.name for phase in self.plan]
        if len(set(names)) < len(names):
            raise ValueError("two phases have one name, by which their requests are told apart")
        return self

    @property
    def plan(self) -> tuple[PhasePlan, ...]:
        """All phases in order."""
        rising = tuple(PhasePlan(name=f"{rate:g}/s", seconds=self.seconds, rate=rate) for rate in self.rates)
        return rising + self.phases

    @property
    def needs_knee(self) -> bool:
        """Whether it has to be told the knee: it has phases by it and does not look for it."""
        return self.rule is None and any(phase.knee for phase in self.phases)

    def changed(self, rate: float | None, seconds: float | None) -> "Profile":
        """With another rate (the highest of those that rise, else that of every phase that has one) and another length
        of each phase."""
        phases = [
            phase.model_copy(
                update=({"seconds": seconds} if seconds else {}) | ({"rate": rate} if rate and phase.rate else {})
            )
            for phase in self.phases
        ]
        rates = tuple(one for one in self.rates if rate is None or one <= rate)
        if self.rates and not rates:
            raise ValueError(f"the lowest rate tried is {self.rates[0]:g}/s")
        return self.model_copy(update={"phases": tuple(phases), "rates": rates, "seconds": seconds or self.seconds})


def load(file: Path = FILE) -> dict[str, Profile]:
    """Name to profile.

    Raises:
        pydantic.ValidationError: the file has what no profile has.
    """
    return TypeAdapter(dict[str, Profile]).validate_python(tomllib.loads(file.read_text()))
