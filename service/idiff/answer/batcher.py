"""Dynamic batching of one graph: who asks while it is busy shares its next call."""

import asyncio
from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import Executor
from dataclasses import dataclass, replace
from typing import Final, Self

import numpy as np

from idiff.answer.reader import Tensors
from idiff.answer.session import Tensor

Asked = tuple[Tensors, asyncio.Future[Tensor]]


@dataclass(frozen=True, slots=True)
class Batching:
    """At most `largest` photos a call and `slots` calls at once, of each graph; `observe` is told of every call how
    many photos it has, padding not counted."""

    largest: int = 1
    slots: int = 2
    observe: Callable[[int], None] | None = None

    @property
    def sizes(self) -> tuple[int, ...]:
        """What is run, ascending: the powers of two below `largest`, and it; calls are padded to the next."""
        return (*(2**power for power in range(self.largest.bit_length()) if 2**power < self.largest), self.largest)

    @property
    def one_by_one(self) -> Self:
        """The same for a graph whose photos must not meet."""
        return replace(self, largest=1)


ALONE: Final = Batching()


class Batcher:
    """Gathers single photos into calls of `run`, for one event loop at a time.

    Without a timer: a call starts as soon as a slot is free, with whoever waits by the loop's next turn. On a GPU two
    slots are enough for it never to wait for the event loop: one call runs, one is behind it.
    """

    def __init__(self, run: Callable[[Tensors], Tensor], batching: Batching) -> None:
        self.sizes = batching.sizes
        self._run = run
        self._batching = batching
        self._waiting: deque[Asked] = deque()
        self._calls: set[asyncio.Task[None]] = set()

    async def __call__(self, photo: Tensors, pool: Executor) -> Tensor:
        """The row, float32 (1, ...), that `run` gives of a photo, tensors (1, ...); raises what `run` does."""
        loop = asyncio.get_running_loop()
        asked: asyncio.Future[Tensor] = loop.create_future()
        self._waiting.append((photo, asked))
        loop.call_soon(self._start, pool)  # not now: the pair's other photo asks in the same turn of the loop
        return await asked

    def _start(self, pool: Executor) -> None:
        self._calls = {call for call in self._calls if not call.done()}
        while len(self._calls) < self._batching.slots and (batch := self._take()):
            call = asyncio.create_task(self._call(batch, pool))
            self._calls.add(call)
            call.add_done_callback(lambda _: self._start(pool))

    def _take(self) -> list[Asked]:
        """The next batch; callers who have left are dropped."""
        batch: list[Asked] = []
        while self._waiting and len(batch) < self.sizes[-1]:
            photo, asked = self._waiting.popleft()
            if not asked.done():
                batch.append((photo, asked))
        return batch

    async def _call(self, batch: Sequence[Asked], pool: Executor) -> None:
        photos, asked = zip(*batch, strict=True)
        if self._batching.observe:
            self._batching.observe(len(photos))
        try:
            rows = await asyncio.get_running_loop().run_in_executor(pool, self._compute, photos)
        except asyncio.CancelledError:
            for one in asked:
                one.cancel()
            raise
        except Exception as error:
            for one in asked:
                if not one.done():
                    one.set_exception(error)
        else:
            for one, row in zip(asked, rows, strict=True):
                if not one.done():
                    one.set_result(row)

    def _compute(self, photos: Sequence[Tensors]) -> list[Tensor]:
        if len(photos) == 1:
            return [self._run(photos[0])]
        size = next(size for size in self.sizes if size >= len(photos))
        padded = [*photos, *[photos[-1]] * (size - len(photos))]
        rows = self._run({name: np.concatenate([photo[name] for photo in padded]) for name in photos[0]})
        return [rows[place : place + 1] for place in range(len(photos))]
