"""The canary: what a rightly loaded adapter says of one fixed pair, word by word, written beside it by training."""

from pathlib import Path
from typing import Annotated, Any, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, ValidationError

NAME = "canary.json"
Loss = Literal["base", "language"]


class CanaryRefused(ValueError):
    """A canary file cannot be used; the message names it."""


class Canary(BaseModel):
    """`messages`: a chat with the pair's views as data URLs, the last one the beginning of an answer that the model is
    made to read. `logprobs`: of each token of that answer, natural logarithms, by the adapter in the library that
    trained it. `tolerance`: mean absolute difference below which a server has loaded the same. `margins`: that
    difference for what a server may have loaded instead ("base", without the adapter; "language", without its vision
    part)."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    version: Literal[1] = 1
    messages: Annotated[list[dict[str, Any]], Field(min_length=2)]
    logprobs: Annotated[list[float], Field(min_length=8)]
    tolerance: Annotated[float, Field(gt=0)]
    margins: Annotated[dict[Loss, float], Field(min_length=1)]

    @classmethod
    def read(cls, path: Path) -> Self:
        """A canary file. Raises CanaryRefused where it is none."""
        try:
            return cls.model_validate_json(path.read_bytes())
        except OSError as error:
            raise CanaryRefused(f"{path}: {error.strerror}") from None
        except ValidationError as error:
            first = error.errors()[0]
            raise CanaryRefused(f"{path}: {'.'.join(map(str, first['loc']))}: {first['msg']}") from None

    def distance(self, logprobs: list[float]) -> float | None:
        """Mean absolute difference of the last tokens' log-probabilities from the reference; None where there are too
        few."""
        if len(logprobs) < len(self.logprobs):
            return None
        own = logprobs[-len(self.logprobs) :]
        return sum(abs(a - b) for a, b in zip(own, self.logprobs, strict=True)) / len(own)
