"""Training in a process of its own, with the memory settings that a CPU needs from the start."""

import os
import subprocess
import sys
from pathlib import Path


def environment() -> dict[str, str]:
    """The environment for a training process.

    glibc hands large tensors back to the kernel at every free and pages them in again at the next step, which costs a
    small network on a CPU half its time. It reads these when the process starts, so its parent must set them.
    """
    return {**os.environ, "MALLOC_MMAP_MAX_": "0", "MALLOC_TRIM_THRESHOLD_": "10000000000"}


def command(run: Path, resume: bool = False, out: Path | None = None) -> list[str]:
    """The command line of a training process."""
    return [
        *(sys.executable, "-m", "idiff_models.answer.fit", str(run)),
        *(["--resume"] if resume else []),
        *(["--out", str(out)] if out else []),
    ]


def one(run: Path, resume: bool = False, out: Path | None = None) -> int:
    """Run one TOML file to its end; the exit status, 2 where the run refused its configuration."""
    return subprocess.run(command(run, resume, out), env=environment(), check=False).returncode  # noqa: S603
