"""What a run leaves behind: all that its report is made from.

Times in seconds are on the run's clock, which is 0 where its first phase begins; before that they are negative.
"""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Final, Literal

from pydantic import TypeAdapter

REFUSED: Final = (429, 503)
FILE: Final = "run.json"


@dataclass(frozen=True, slots=True)
class Reply:
    """One request and what came of it. Without any answer `status` is 0 and `code` the exception's name; else `code`
    is the error's, empty for an answer. `megapixels`: of each of its photos."""

    phase: str
    megapixels: float
    due_s: float
    sent_s: float
    done_s: float
    status: int
    code: str = ""

    @property
    def latency_ms(self) -> float:
        """From the moment that the request was due, whenever it was sent: a caller who had to wait has waited."""
        return 1000 * (self.done_s - self.due_s)

    @property
    def outcome(self) -> Literal["answered", "refused", "failed"]:
        """Turned away for load is not failed: the service said so, and when to come again."""
        if self.status == 200:
            return "answered"
        return "refused" if self.status in REFUSED else "failed"


@dataclass(frozen=True, slots=True)
class Probe:
    """One request of a health endpoint. `lag_s`: how late the prober itself was; that is not in `seconds`."""

    path: str
    due_s: float
    seconds: float
    lag_s: float
    status: int


@dataclass(frozen=True, slots=True)
class Sample:
    """The service's process at one moment: resident memory in MB, open files, threads, processor seconds so far.
    `machine_s`: seconds that the machine's cores were busy so far, for whomever."""

    at_s: float
    rss_mb: float
    files: int
    threads: int
    cpu_s: float
    machine_s: float


@dataclass(frozen=True, slots=True)
class Phase:
    """A time of one nominal rate, per second. `counters`: by how much the service's counters grew in it."""

    name: str
    rate: float
    start_s: float
    seconds: float
    counters: dict[str, float] = field(default_factory=dict)

    @property
    def end_s(self) -> float:
        """When its last arrival may be due."""
        return self.start_s + self.seconds


@dataclass(frozen=True, slots=True)
class Facts:
    """On what, with what, by which command it was measured. `hardware`: fields of `idiff_models.bench.hardware`;
    `limits`: the service's bounds, as its /info names them."""

    command: str
    hardware: dict[str, str | int | float | None]
    release: str
    limits: dict[str, int]
    photos: str
    rationale: str
    started: str
    seed: int


@dataclass(frozen=True, slots=True)
class Run:
    """Everything observed. `knee`: requests per second, where the profile looked for it or was given it."""

    profile: str
    facts: Facts
    phases: list[Phase]
    replies: list[Reply]
    probes: list[Probe]
    samples: list[Sample]
    knee: float | None

    def save(self, folder: Path) -> None:
        """Write it below `folder`."""
        (folder / FILE).write_bytes(TypeAdapter(Run).dump_json(self))

    @classmethod
    def load(cls, folder: Path) -> "Run":
        """What `save` wrote."""
        return TypeAdapter(Run).validate_json((folder / FILE).read_bytes())
