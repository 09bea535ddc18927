"""Latency of one pair over HTTP, its breakdown by stage, and the service's memory, as Markdown.

    python loadtest/pair.py A.jpg B.jpg [--repeats 30] [--in-flight 8]

Starts a service of its own on a free port with the environment's settings; needs Linux for the memory figures.
"""

import argparse
import os
import platform
import statistics
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from idiff.client import Client
from idiff.schemas import Comparison
from idiff_load.proc import memory_mb
from idiff_load.service import own_service


def measure(a: Path, b: Path, repeats: int, in_flight: int) -> str:
    """Run the measurement and render it."""
    os.environ.setdefault("IDIFF_MAX_IN_FLIGHT", str(in_flight))
    with own_service() as service, Client(service.url, trust_env=False) as client:
        idle = memory_mb(service.pid, "VmRSS")
        walls, answers = one_by_one(client, a, b, repeats)
        with ThreadPoolExecutor(in_flight) as callers:
            list(callers.map(lambda _: client.compare(a, b), range(2 * in_flight)))
        peak = memory_mb(service.pid, "VmHWM")
    return "\n".join(
        [
            f"{os.cpu_count()} cores, {platform.machine()}, Python {platform.python_version()}; {repeats} requests; "
            f"release {answers[0].provenance.release}; photos of {size(answers[0])}",
            "",
            "| stage | p50 ms |",
            "| --- | --- |",
            *(f"| {stage} | {median(answers, stage):.1f} |" for stage in answers[0].timings_ms if stage != "total"),
            f"| service total | {median(answers, 'total'):.1f} |",
            f"| **over HTTP, as the caller times it** | **{1000 * statistics.median(walls):.1f}** |",
            "",
            f"p95 over HTTP {1000 * statistics.quantiles(walls, n=20)[-1]:.1f} ms. "
            f"Start to ready {service.started_s:.1f} s. Memory: {idle:.0f} MB idle, at most {peak:.0f} MB with "
            f"{in_flight} such pairs in flight.",
        ]
    )


def one_by_one(client: Client, a: Path, b: Path, repeats: int) -> tuple[list[float], list[Comparison]]:
    """Wall times in seconds, and answers, of requests one after another; three more before them warm up."""
    walls, answers = [], []
    for _ in range(repeats + 3):
        start = time.perf_counter()
        answers.append(client.compare(a, b))
        walls.append(time.perf_counter() - start)
    return walls[3:], answers[3:]


def median(answers: list[Comparison], stage: str) -> float:
    """Median milliseconds of a stage."""
    return statistics.median(answer.timings_ms[stage] for answer in answers)


def size(answer: Comparison) -> str:
    """Megapixels of photo A."""
    original = answer.views.a.original
    return f"{original.width} x {original.height}"


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("a", type=Path)
    parser.add_argument("b", type=Path)
    parser.add_argument("--repeats", type=int, default=30)
    parser.add_argument("--in-flight", type=int, default=8)
    given = parser.parse_args()
    print(measure(given.a, given.b, given.repeats, given.in_flight))
