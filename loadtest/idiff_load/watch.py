"""A process beside the load that probes the service's health and samples its process.

    python -m idiff_load.watch URL [PID] > FILE      one JSON object a line, until it is ended

It shares no interpreter with the generator, whose work would count as the service's.
"""

import http.client
import json
import os
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import asdict, replace
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

from idiff_load import proc
from idiff_load.records import Probe, Sample

PATHS: Final = ("/livez", "/readyz")
PROBE_SECONDS: Final = 0.1
SAMPLE_SECONDS: Final = (
    0.53  # no multiple of the above: samples in step with the probes would all see their connections
)
TIMEOUT_SECONDS: Final = 5.0


@contextmanager
def watching(url: str, pid: int | None, file: Path) -> Iterator[None]:
    """The process, for as long as the block takes, writing to `file`."""
    command = [sys.executable, "-m", "idiff_load.watch", url, *([str(pid)] if pid else [])]
    path = os.pathsep.join(filter(None, (str(Path(__file__).parents[1]), os.environ.get("PYTHONPATH"))))
    with (
        file.open("wb") as sink,
        subprocess.Popen(command, stdout=sink, env=os.environ | {"PYTHONPATH": path}) as process,  # noqa: S603
    ):
        try:
            yield
        finally:
            process.terminate()


def read(file: Path, origin: float) -> tuple[list[Probe], list[Sample]]:
    """What was seen. `origin`: where the run's clock is 0, on the monotonic clock, which all processes share."""
    probes, samples = [], []
    for line in file.read_text().splitlines():
        with suppress(json.JSONDecodeError):  # the last one, where the process was ended while writing it
            seen = json.loads(line)
            if "path" in seen:
                probes.append(replace(Probe(**seen), due_s=seen["due_s"] - origin))
            else:
                samples.append(replace(Sample(**seen), at_s=seen["at_s"] - origin))
    return probes, samples


def timed(path: str, due: float, ask: Callable[[], int]) -> Probe:
    """One probe. It counts from its due moment where the one before was still out then: that wait is the service's.
    Where the prober slept and woke late it counts from then, and the lateness is told apart."""
    wait = due - time.monotonic()
    if wait > 0:
        time.sleep(wait)
    start = time.monotonic() if wait > 0 else due
    status = ask()
    return Probe(path, due, time.monotonic() - start, start - due, status)


def _status(url: str, path: str) -> int:
    address = urlsplit(url)
    kind = http.client.HTTPSConnection if address.scheme == "https" else http.client.HTTPConnection
    connection = kind(address.netloc, timeout=TIMEOUT_SECONDS)
    try:
        connection.request("GET", address.path.rstrip("/") + path)
        answer = connection.getresponse()
        answer.read()
    except (OSError, http.client.HTTPException):
        return 0
    finally:
        connection.close()
    return answer.status


def _probe(url: str, path: str) -> None:
    due = time.monotonic()
    while True:
        due += PROBE_SECONDS
        _write(timed(path, due, lambda: _status(url, path)))


def _sample(pid: int) -> None:
    while True:
        try:
            state = proc.memory_mb(pid, "VmRSS"), proc.files(pid), proc.threads(pid), proc.cpu_s(pid), proc.machine_s()
        except (OSError, StopIteration):
            return  # it has ended
        _write(Sample(time.monotonic(), *state))
        time.sleep(SAMPLE_SECONDS)


def _write(seen: Probe | Sample) -> None:
    # One call a line, so that lines of two threads do not mix.
    sys.stdout.write(json.dumps(asdict(seen)) + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    for path in PATHS:
        threading.Thread(target=_probe, args=(sys.argv[1], path), daemon=True).start()
    if sys.argv[2:]:
        threading.Thread(target=_sample, args=(int(sys.argv[2]),), daemon=True).start()
    threading.Event().wait()
