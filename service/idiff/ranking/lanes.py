"""The same work on every photo of a set, a few photos at a time."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import TypeVar

T = TypeVar("T")


async def each(count: int, lanes: int, work: Callable[[int], Awaitable[T]]) -> list[T]:
    """What `work` gives of 0 to `count` - 1, at most `lanes` of them at once and in that order.

    None is begun after one has failed. Those that were are waited for, and the error of the lowest is raised, which is
    so the same every time.
    """
    waiting, done, failed = iter(range(count)), dict[int, T](), dict[int, Exception]()

    async def lane() -> None:
        for one in waiting:
            try:
                done[one] = await work(one)
            except Exception as error:
                failed[one] = error
            if failed:
                return

    async with asyncio.TaskGroup() as group:
        for _ in range(min(lanes, count)):
            group.create_task(lane())
    if failed:
        raise failed[min(failed)]
    return [done[one] for one in range(count)]
