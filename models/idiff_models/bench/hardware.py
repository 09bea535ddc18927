"""The machine that a measurement was made on, by name: figures without it say nothing."""

import os
import platform
import subprocess
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

import onnxruntime as ort


@dataclass(frozen=True)
class Hardware:
    """`cores`: that this process may use. `gpu`: names of NVIDIA's, empty where there is none. `load`: mean number of
    running processes in the minute before, None where the system does not tell; above 0, others were disturbing."""

    cpu: str
    cores: int
    gpu: str
    system: str
    onnxruntime: str
    load: float | None


def hardware() -> Hardware:
    """This machine."""
    return Hardware(
        cpu=_cpu(),
        cores=cores(),
        gpu=_gpu(),
        system=f"{platform.system()} {platform.machine()}, Python {platform.python_version()}",
        onnxruntime=_onnxruntime(),
        load=round(os.getloadavg()[0], 1) if hasattr(os, "getloadavg") else None,
    )


def cores() -> int:
    """Cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def resident_mb() -> float | None:
    """Memory that this process holds, megabytes; None where the system does not tell."""
    try:
        pages = int(Path("/proc/self/statm").read_text().split()[1])
    except OSError:
        return None
    return pages * os.sysconf("SC_PAGE_SIZE") / 1e6


def _cpu() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        lines = []
    names = [line.split(":", 1)[1].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.processor() or platform.machine()


def _gpu() -> str:
    command = ["nvidia-smi", "--query-gpu=name", "--format=csv,noheader"]
    try:
        found = subprocess.run(command, capture_output=True, text=True, timeout=20, check=True).stdout  # noqa: S603
    except (OSError, subprocess.SubprocessError):
        return ""
    return ", ".join(line.strip() for line in found.splitlines())


def _onnxruntime() -> str:
    for name in ("onnxruntime-gpu", "onnxruntime"):
        try:
            return f"{name} {version(name)}"
        except PackageNotFoundError:
            continue
    return f"onnxruntime {ort.__version__}"
