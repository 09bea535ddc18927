"""Workers on this machine, each a process."""

import asyncio
import logging
import os
import signal
from collections.abc import Generator, Iterator, Mapping, Sequence
from contextlib import suppress
from itertools import islice
from multiprocessing import get_context
from multiprocessing.connection import Connection, wait
from multiprocessing.process import BaseProcess
from typing import cast

from idiff.bulk.errors import BulkRefused
from idiff.bulk.parts import Judged, Part
from idiff.bulk.worker import LANES, Task, Worker
from idiff.errors import IdiffError

log = logging.getLogger(__name__)


def judged(parts: Sequence[Part], task: Task, workers: int) -> Generator[Judged]:
    """Every part with its file, as they get ready.

    Raises:
        IdiffError: a worker cannot load the release, or its models failed for good.
        BulkRefused: a worker ended.
    """
    context, waiting = get_context("spawn"), iter(parts)
    crew: dict[Connection, BaseProcess] = {}
    try:
        for _ in range(min(workers, len(parts))):
            ours, theirs = context.Pipe()
            crew[ours] = context.Process(target=_work, args=(task, theirs), daemon=True)
            crew[ours].start()
            theirs.close()  # so that its end is seen here when the worker's process ends
        for connection, part in zip(list(crew) * LANES, waiting):  # noqa: B905 - there may be fewer parts
            connection.send(part)
        for connection, answer in islice(_answers(crew), len(parts)):
            if isinstance(answer, Exception):
                raise answer
            with suppress(BrokenPipeError):  # it has died since, as its next answer will tell
                for part in islice(waiting, 1):
                    connection.send(part)
            yield answer
    finally:
        for process in crew.values():
            process.kill()


def _answers(crew: Mapping[Connection, BaseProcess]) -> Iterator[tuple[Connection, Judged | Exception]]:
    while True:
        for connection in cast(list[Connection], wait(list(crew))):
            try:
                yield connection, connection.recv()
            except (EOFError, ConnectionResetError):
                crew[connection].join()
                said = f"a worker ended with status {crew[connection].exitcode}; run the same command again to go on"
                raise BulkRefused("worker_lost", said) from None


def _work(task: Task, connection: Connection) -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # it comes to all of the terminal; whoever started this ends it
    try:
        asyncio.run(_judge(Worker(task), connection))
    except EOFError:  # the run was killed
        os._exit(1)
    except Exception as error:
        connection.send(_told(error))


async def _judge(worker: Worker, connection: Connection) -> None:
    async def one(part: Part) -> None:
        try:
            answer: Judged | Exception = part, await worker(part.pairs)
        except Exception as error:
            answer = _told(error)
        connection.send(answer)

    tasks = set()
    while True:
        task = asyncio.create_task(one(await asyncio.to_thread(connection.recv)))
        tasks.add(task)
        task.add_done_callback(tasks.discard)


def _told(error: Exception) -> Exception:
    """What the run is told: an error that it knows, or that there was one, which is in the log."""
    if isinstance(error, IdiffError | BulkRefused):
        return error
    log.error("unexpected error", exc_info=error)
    return BulkRefused("worker_lost", f"a worker failed: {type(error).__name__}: {error}")
