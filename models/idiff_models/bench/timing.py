"""Measuring several jobs in turns, so that a disturbance of the machine hits all of them alike."""

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TypeVar

import numpy as np

K = TypeVar("K")


@dataclass(frozen=True)
class Timing:
    """Of one job: median and 95th percentile of its wall time, pairs a second, processor time a pair of all threads."""

    p50_ms: float
    p95_ms: float
    pairs_per_s: float
    core_ms_per_pair: float


def measure(jobs: Mapping[K, Callable[[], object]], pairs: Mapping[K, int], repeats: int) -> dict[K, Timing]:
    """Run every job once unmeasured, then `repeats` rounds of all of them, each round starting with the next job.

    `pairs`: how many pairs a job judges.
    """
    for job in jobs.values():
        job()
    order = list(jobs)
    wall: dict[K, list[float]] = {key: [] for key in order}
    processor: dict[K, list[float]] = {key: [] for key in order}
    for turn in range(repeats):
        first = turn % len(order)
        for key in order[first:] + order[:first]:
            start, busy = time.perf_counter(), time.process_time()
            jobs[key]()
            wall[key].append(time.perf_counter() - start)
            processor[key].append(time.process_time() - busy)
    return {key: _timing(wall[key], processor[key], pairs[key]) for key in order}


def _timing(wall: list[float], processor: list[float], pairs: int) -> Timing:
    p50, p95 = (float(value) for value in 1000 * np.percentile(wall, [50, 95]))
    return Timing(p50, p95, pairs * len(wall) / sum(wall), 1000 * float(np.median(processor)) / pairs)
