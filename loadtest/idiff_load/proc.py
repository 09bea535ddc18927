"""What Linux tells about a process."""

import os
from pathlib import Path


def memory_mb(pid: int, key: str) -> float:
    """`VmRSS` (now) or `VmHWM` (peak) of a process, MB."""
    return _status(pid, key) * 1024 / 1e6


def threads(pid: int) -> int:
    """How many it has."""
    return _status(pid, "Threads")


def files(pid: int) -> int:
    """Open file descriptors, sockets among them."""
    return len(os.listdir(f"/proc/{pid}/fd"))


def cpu_s(pid: int) -> float:
    """Processor time of all its threads so far, seconds."""
    # The name, second of the fields, may have spaces and brackets itself.
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def machine_s() -> float:
    """Seconds that the machine's cores were busy, or taken by its hypervisor, since it started; all of them added."""
    user, nice, system, _idle, _waiting, *interrupts_and_stolen = _times()
    return (user + nice + system + sum(interrupts_and_stolen[:3])) / os.sysconf("SC_CLK_TCK")


def _times() -> list[int]:
    return [int(field) for field in Path("/proc/stat").read_text().split("\n", 1)[0].split()[1:]]


def _status(pid: int, key: str) -> int:
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith(f"{key}:"))
