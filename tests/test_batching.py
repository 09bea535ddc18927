"""Dynamic batching: who gets what, how many run at once, and what becomes of those who leave or fail."""

import asyncio
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from idiff.answer.batcher import Batcher, Batching
from idiff.answer.reader import Tensors
from idiff.answer.session import Tensor

FAULTY = 666.0


def photo(value: float) -> Tensors:
    return {"maps": np.full((1, 2, 3), value, np.float32), "statistics": np.full((1, 4), -value, np.float32)}


class Graph:
    """Stands for a session: twice the photo's value; fails on `FAULTY`, waits while `gate` is closed."""

    def __init__(self) -> None:
        self.calls: list[list[float]] = []
        self.running = self.most = 0
        self.gate = threading.Event()
        self.gate.set()
        self._lock = threading.Lock()

    def __call__(self, photos: Tensors) -> Tensor:
        values = photos["maps"][:, 0, 0]
        assert np.array_equal(values, -photos["statistics"][:, 0])
        with self._lock:
            self.calls.append(list(values))
            self.running += 1
            self.most = max(self.most, self.running)
        try:
            assert self.gate.wait(10)
            if FAULTY in values:
                raise RuntimeError("a session fails")
            return 2 * values[:, np.newaxis]
        finally:
            with self._lock:
                self.running -= 1


async def until(done: Callable[[], bool]) -> None:
    async with asyncio.timeout(10):
        while not done():
            await asyncio.sleep(0.005)


@settings(max_examples=40, deadline=None)
@given(
    st.lists(st.tuples(st.floats(-100, 100, width=32), st.booleans()), min_size=1, max_size=40),
    st.integers(1, 9),
    st.integers(1, 3),
)
def test_everyone_gets_their_own_and_bounds_are_kept(asked: list[tuple[float, bool]], largest: int, slots: int) -> None:
    graph, counted = Graph(), []
    batching = Batching(largest, slots, counted.append)
    batch = Batcher(graph, batching)

    async def one(value: float, leaves: bool, pool: ThreadPoolExecutor) -> None:
        asking = asyncio.create_task(batch(photo(value), pool))
        await asyncio.sleep(0)
        if leaves:
            asking.cancel()
        try:
            assert np.array_equal(await asking, [[2 * np.float32(value)]])
        except asyncio.CancelledError:
            assert leaves

    async def scenario() -> None:
        with ThreadPoolExecutor(4) as pool:
            await asyncio.gather(*(one(*each, pool) for each in asked))
            await until(lambda: not graph.running)

    asyncio.run(scenario())
    assert graph.most <= slots
    assert {len(call) for call in graph.calls} <= set(batching.sizes)
    assert max(counted, default=0) <= largest
    assert sum(counted) <= len(asked)


def test_a_call_takes_whoever_waits_and_is_padded_to_the_next_size() -> None:
    graph = Graph()
    batch = Batcher(graph, Batching(largest=8, slots=1))

    async def scenario() -> None:
        with ThreadPoolExecutor(1) as pool:
            graph.gate.clear()
            first = asyncio.create_task(batch(photo(1), pool))
            await until(lambda: graph.running == 1)
            others = [asyncio.create_task(batch(photo(value), pool)) for value in (2, 3, 4, 5, 6, 7)]
            await asyncio.sleep(0.01)
            others[1].cancel()
            graph.gate.set()
            await asyncio.gather(first, *others, return_exceptions=True)

    asyncio.run(scenario())
    assert graph.calls == [[1.0], [2.0, 4.0, 5.0, 6.0, 7.0, 7.0, 7.0, 7.0]]


def test_the_photos_of_a_pair_share_a_call_of_an_idle_graph() -> None:
    graph = Graph()
    batch = Batcher(graph, Batching(largest=8, slots=2))

    async def scenario() -> None:
        with ThreadPoolExecutor(2) as pool:
            await asyncio.gather(batch(photo(1), pool), batch(photo(2), pool))

    asyncio.run(scenario())
    assert graph.calls == [[1.0, 2.0]]


def test_a_failed_call_fails_its_callers_only() -> None:
    graph = Graph()
    batch = Batcher(graph, Batching(largest=2, slots=1))

    async def scenario() -> None:
        with ThreadPoolExecutor(1) as pool:
            values = [1.0, 2.0, FAULTY, 3.0, 4.0]
            told = await asyncio.gather(*(batch(photo(value), pool) for value in values), return_exceptions=True)
            failed = [isinstance(answer, RuntimeError) for answer in told]
            assert failed == [False, False, True, True, False]  # the second call is of two photos

    asyncio.run(scenario())


def test_it_outlives_an_event_loop() -> None:
    batch = Batcher(Graph(), Batching(largest=4, slots=1))
    with ThreadPoolExecutor(1) as pool:
        for value in (1.0, 2.0, 3.0):
            assert asyncio.run(batch(photo(value), pool))[0, 0] == 2 * value
