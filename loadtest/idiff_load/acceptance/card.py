"""The card, as NVIDIA's driver tells of it."""

import os
import subprocess
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from statistics import fmean
from typing import Final

PERIOD_S: Final = 1.0
MIB_PER_GIB: Final = 1024


class CardMissing(Exception):
    """There is no such card; the message says what was found."""


@dataclass(frozen=True)
class Card:
    """`memory_gib`: all that it has."""

    name: str
    memory_gib: float
    driver: str


@dataclass
class Memory:
    """`samples`: moment on the monotonic clock, and GiB in use by all processes together."""

    samples: list[tuple[float, float]] = field(default_factory=list)

    @property
    def most(self) -> float | None:
        """GiB; None without samples."""
        return max((used for _, used in self.samples), default=None)

    def growth(self, start: float, end: float) -> float | None:
        """Mean of the last third from `start` to `end` over that of the second, less 1; the first third is the
        service's start. None without samples."""
        third = (end - start) / 3
        second, last = (
            [used for at, used in self.samples if end - back * third <= at < end - (back - 1) * third]
            for back in (2, 1)
        )
        return fmean(last) / fmean(second) - 1 if second and last else None


def find(name: str) -> Card:
    """The card that CUDA would use, which has `name` in its name.

    Raises:
        CardMissing: it has not, or no driver answers.
    """
    found, total, driver = _ask("name", "memory.total", "driver_version")
    if name not in found:
        raise CardMissing(f"the card is {found}, not {name}: name another in the plan to accept this one")
    return Card(found, float(total) / MIB_PER_GIB, driver)


@contextmanager
def watching() -> Iterator[Memory]:
    """Its memory for as long as the block takes."""
    memory, over = Memory(), threading.Event()

    def sample() -> None:
        while not over.wait(PERIOD_S):
            memory.samples.append((time.monotonic(), float(_ask("memory.used")[0]) / MIB_PER_GIB))

    sampler = threading.Thread(target=sample, daemon=True)
    sampler.start()
    try:
        yield memory
    finally:
        over.set()
        sampler.join()


def _ask(*what: str) -> Sequence[str]:
    first = os.environ.get("CUDA_VISIBLE_DEVICES", "0").split(",")[0]
    command = ["nvidia-smi", f"--id={first}", f"--query-gpu={','.join(what)}", "--format=csv,noheader,nounits"]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=20, check=True)  # noqa: S603
    except FileNotFoundError:
        raise CardMissing("no NVIDIA card: there is no nvidia-smi, which comes with the driver") from None
    except subprocess.CalledProcessError as error:
        raise CardMissing(f"no NVIDIA card: nvidia-smi says {(error.stdout + error.stderr).strip()}") from None
    except subprocess.TimeoutExpired:
        raise CardMissing("nvidia-smi does not answer") from None
    return [part.strip() for part in done.stdout.strip().split(",")]
