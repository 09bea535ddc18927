"""How a run is refused or ends early, and what a pair's photo can be that an upload's cannot."""

from typing import Literal

from idiff.errors import IdiffError

Code = Literal[
    "not_installed",
    "pairs_refused",
    "other_run",
    "run_busy",
    "out_refused",
    "thinking_unavailable",
    "no_room",
    "worker_lost",
    "incomplete",
]


class BulkRefused(Exception):
    """The run cannot start, or cannot go on; what it has written stays, and the same command goes on from there."""

    def __init__(self, code: Code, message: str) -> None:
        super().__init__(code, message)
        self.code, self.message = code, message


class UnreadableImage(IdiffError):
    """A pair's photo is not where the list says, or cannot be read from there."""

    status, code = 422, "unreadable_image"
