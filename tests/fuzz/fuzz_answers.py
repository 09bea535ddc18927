"""The documented form of what the service answers with."""

from collections.abc import Mapping
from typing import Final

from pydantic import BaseModel

from idiff import schemas
from idiff.ranking.schemas import Ranking

FIRST: Final[Mapping[str, type[BaseModel]]] = {"verdict": schemas.Comparison, "ranking": Ranking}
EVENTS: Final[Mapping[str, type[BaseModel]]] = {
    **FIRST,
    "maps": schemas.Maps,
    "rationale.delta": schemas.RationaleDelta,
    "rationale.restart": schemas.RationaleRestart,
    "rationale": schemas.Rationale,
    "learned": schemas.Learned,
    "attributes": schemas.Attributes,
    "done": schemas.Done,
}
"""Without `error`: nothing here may fail after its verdict."""


def check_stream(body: bytes) -> None:
    """Every event is a known one of its own form; verdict or ranking come first and `done` last.

    Raises:
        ValueError: it is otherwise.
    """
    blocks = [block.split("\n") for block in body.decode().removesuffix("\n\n").split("\n\n")]
    names = [block[0].removeprefix("event: ") for block in blocks]
    if names[0] not in FIRST or names[-1] != "done" or not EVENTS.keys() >= set(names):
        raise ValueError(f"the events are {names}")
    for name, block in zip(names, blocks, strict=True):
        EVENTS[name].model_validate_json("\n".join(line.removeprefix("data: ") for line in block[1:]))


def check_error(body: bytes, codes: set[str]) -> None:
    """It is an error of one of these codes, with a message and nothing but the documented fields.

    Raises:
        ValueError: it is otherwise.
    """
    error = schemas.ErrorBody.model_validate_json(body, extra="forbid").error
    if error.code not in codes or not error.message:
        raise ValueError(f"{error} is not documented, of {sorted(codes)}")
