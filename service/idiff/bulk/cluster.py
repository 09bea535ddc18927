"""Workers on a Ray cluster: actors of Ray Data, wherever it has room for them."""

import logging
import math
from collections.abc import Generator, Sequence
from dataclasses import asdict
from typing import Any

import ray
import ray.data

from idiff.bulk.errors import BulkRefused
from idiff.bulk.pairs import Pair
from idiff.bulk.parts import Judged, Part
from idiff.bulk.worker import LANES, Task, Worker


class Actor:
    """A worker as Ray Data calls it."""

    def __init__(self, task: Task) -> None:
        self._worker = Worker(task)

    async def __call__(self, row: dict[str, Any]) -> dict[str, Any]:
        """From a part's pairs to its file."""
        pairs = [Pair(**pair) for pair in row["pairs"]]
        return {"number": row["number"], "file": await self._worker(pairs)}


def judged(parts: Sequence[Part], task: Task, workers: int | None, gpus: float) -> Generator[Judged]:
    """Every part with its file, as they get ready. Workers that are lost with their node are started again where there
    is room, and what they had in hand is judged again.

    `workers`: None for as many as the cluster has room for. `gpus`: of each, shares of one allowed.

    Raises:
        BulkRefused: the cluster cannot be reached or has no room, or a worker failed for good.
    """
    logging.getLogger("ray.data").setLevel(logging.WARNING)
    ray.data.DataContext.get_current().enable_progress_bars = False
    by_number = {part.number: part for part in parts}
    try:
        ray.init(logging_level=logging.WARNING)
        size = min(workers or _room(task.settings.threads, gpus), len(parts))
        pool = ray.data.ActorPoolStrategy(
            min_size=1, initial_size=size, max_size=workers, max_concurrent_calls_per_actor=LANES
        )
        rows = [{"number": part.number, "pairs": [asdict(pair) for pair in part.pairs]} for part in parts]
        files = ray.data.from_items(rows, override_num_blocks=len(rows)).map(
            Actor,
            fn_constructor_args=(task,),
            compute=pool,
            num_cpus=task.settings.threads,
            num_gpus=gpus or None,
        )
        for row in files.iter_rows():
            yield by_number[row["number"]], row["file"]
    except (ray.exceptions.RayError, ConnectionError, RuntimeError) as error:
        told = str(error).strip().rpartition("\n")[2]  # what lies before is the way that the error took
        raise BulkRefused("worker_lost", f"the cluster failed: {told}") from error
    finally:
        ray.shutdown()


def _room(cpus: int, gpus: float) -> int:
    """How many workers of so many CPUs and GPUs the nodes can hold.

    Raises:
        BulkRefused: none.
    """
    nodes = [node["Resources"] for node in ray.nodes() if node["Alive"]]
    room = sum(int(min(node.get("CPU", 0) // cpus, node.get("GPU", 0) // gpus if gpus else math.inf)) for node in nodes)
    if not room:
        raise BulkRefused("no_room", f"no node of the cluster has {cpus} CPUs and {gpus:g} GPUs, as a worker needs")
    return room
