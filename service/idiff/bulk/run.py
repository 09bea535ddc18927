"""One run, from a list to a folder of verdicts."""

import asyncio
import os
import time
from collections.abc import Generator, Sequence
from contextlib import closing
from dataclasses import dataclass
from typing import Final

from tqdm import tqdm

from idiff.answer.release import load
from idiff.bulk import EngineName, local
from idiff.bulk.errors import BulkRefused
from idiff.bulk.pairs import digest, read_pairs
from idiff.bulk.parts import Judged, Part, divide, rows_per_file
from idiff.bulk.record import Record, begin, deciding
from idiff.bulk.storage import Folder, absolute, parent, shown
from idiff.bulk.summary import SUMMARY, Pace, Summary, summarise
from idiff.bulk.worker import Task
from idiff.config import Settings
from idiff.engine import thinking_options
from idiff.schemas import RationaleOption
from idiff.thinking.canary import Canary, CanaryRefused
from idiff.thinking.client import ThinkingModel
from idiff.thinking.options import ThinkingUnavailable

RAY: Final = {"RAY_USAGE_STATS_ENABLED": "0", "RAY_ENABLE_UV_RUN_RUNTIME_ENV": "0"}
"""Nothing is told to its makers, and its workers run in the environment that their node was started in."""


@dataclass(frozen=True, slots=True)
class Crew:
    """Who judges. `workers`: None for as many as there is room for; `gpus`: of each, on a cluster."""

    engine: EngineName
    workers: int | None
    gpus: float


def run(
    where: str,
    out: str,
    crew: Crew,
    settings: Settings,
    rationale: RationaleOption,
    root: str | None,
    rows: int | None,
    patience_s: float,
) -> Summary:
    """Judge those pairs of the list `where` that have no verdict in the folder `out` yet, and write theirs there.

    `root`: of relative photos, the list's own folder if None. `rows`: of a file, None for what suits the list.
    `patience_s`: as of `Task`.

    Raises:
        BulkRefused, IdiffError: the run cannot start or go on.
    """
    pairs, manifest = read_pairs(where), load(settings.release_folder).manifest
    root = absolute(root) if root else parent(where)  # a worker elsewhere is in another folder
    task = Task(settings, manifest.fingerprint, root, rationale, patience_s)
    record = Record(
        release=manifest.version,
        release_sha256=manifest.fingerprint,
        pairs=len(pairs),
        pairs_sha256=digest(pairs),
        root=shown(root),
        rows_per_file=rows or rows_per_file(len(pairs)),
        rationale=rationale,
        settings=deciding(task),
    )
    parts, folder = divide(pairs, record.rows_per_file), Folder(out)
    with folder.held():
        begin(folder, record)
        pace = _judge(parts, folder, task, crew)
        summary = summarise(folder, parts, record, pace)
        folder.write(SUMMARY, summary.model_dump_json(indent=2).encode())
    return summary


def _judge(parts: Sequence[Part], folder: Folder, task: Task, crew: Crew) -> Pace:
    names = folder.names()
    left = [part for part in parts if part.file not in names]
    total, todo = (sum(len(part.pairs) for part in some) for some in (parts, left))
    if left and task.thinks:
        asyncio.run(_prove(task.settings))
    started = time.monotonic()
    bar = tqdm(total=total, initial=total - todo, desc="judge", unit="pair")
    with bar, closing(_judged(left, task, crew)) as files:
        for part, file in files:
            folder.write(part.file, file)
            bar.update(len(part.pairs))
    seconds = time.monotonic() - started
    return Pace(engine=crew.engine, pairs=todo, seconds=round(seconds, 3), pairs_per_second=round(todo / seconds, 3))


def _judged(parts: Sequence[Part], task: Task, crew: Crew) -> Generator[Judged]:
    if crew.engine == "local":
        yield from local.judged(parts, task, crew.workers or 1)
    elif parts:
        os.environ |= RAY  # which it reads when it is imported
        from idiff.bulk import cluster

        yield from cluster.judged(parts, task, crew.workers, crew.gpus)


async def _prove(settings: Settings) -> None:
    """That the Thinking Model is there and what it should be, before thousands of pairs go without it."""
    async with ThinkingModel(thinking_options(settings)) as model:
        try:
            proof = await model.prove(Canary.read(settings.thinking_canary) if settings.thinking_canary else None)
        except (CanaryRefused, ThinkingUnavailable) as error:
            raise BulkRefused("thinking_unavailable", f"{settings.thinking_url}: {error}") from error
    if not proof.passed:
        raise BulkRefused("thinking_unavailable", f"{settings.thinking_url}: {proof}")
