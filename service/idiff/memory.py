"""Memory that was needed once: for models while they load, and for full-size pixels."""

import asyncio
import ctypes
import os
import sys
from contextlib import suppress
from pathlib import Path
from typing import Final

EVERY_S: Final = 10.0
LIMITS: Final = (Path("/sys/fs/cgroup/memory.max"), Path("/sys/fs/cgroup/memory/memory.limit_in_bytes"))
"""What control groups, of version 2 and 1, allow a container: "max" or more than there is where that is everything."""


def give_back() -> None:
    """Let the C library return free memory to the system; glibc keeps it otherwise. Takes milliseconds.

    On the bundled release the service is a quarter smaller after it, and stays so however often releases are exchanged.
    """
    if sys.platform == "linux":
        trim = getattr(ctypes.CDLL(None), "malloc_trim", None)
        if trim:
            trim(0)


def limit_bytes() -> int:
    """Memory that this process may use: its container's limit, else the machine's memory."""
    limits = [os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")]
    for file in LIMITS:
        with suppress(OSError, ValueError):
            limits.append(int(file.read_text()))
    return min(limits)


async def keep_small() -> None:
    """Give back now and then, until cancelled. Photos of every size leave holes in the heap, which else grows for
    hours; to return every freed picture to the system at once would cost a tenth of a comparison's time."""
    while True:
        await asyncio.sleep(EVERY_S)
        await asyncio.to_thread(give_back)
