"""Pairs judged some at a time, in process or by a service, with a progress bar."""

import asyncio
import sys
from collections.abc import Callable, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Final, Protocol

import httpx
import typer

from idiff.client import AsyncClient, ServiceError
from idiff.errors import IdiffError
from idiff.review.pairs import Pair
from idiff.schemas import CategoryOption, Comparison, RationaleOption

OF_THE_PHOTO: Final = frozenset({400, 413, 415, 422})
"""Statuses that are about what was sent, and would come again."""

REFUSED_ALL: Final = frozenset({401, 403, 404})
"""Statuses that every further pair would get too."""


AtOnce = Annotated[int, typer.Option(min=1, help="Pairs judged at a time.")]
Url = Annotated[str | None, typer.Option(help="Ask this service instead of judging in process.")]
ApiKey = Annotated[str | None, typer.Option(envvar="IDIFF_API_KEY", help="Its API key, where it asks for one.")]
"""Options of the commands that judge."""


class Judge(Protocol):
    """What compares two files: `AsyncClient`, or `local.Local` in process."""

    async def compare(
        self, image_a: Path, image_b: Path, *, category: CategoryOption, rationale: RationaleOption
    ) -> Comparison:
        """The verdict on two files and why."""


@dataclass(frozen=True)
class Failure:
    """Why a pair has no verdict. `of_the_photo`: whether a photo is at fault, or else the service."""

    code: str
    message: str
    of_the_photo: bool


@dataclass(frozen=True)
class Judged:
    """What became of a pair: an answer or a failure."""

    pair: Pair
    answer: Comparison | None
    failure: Failure | None = None


def judge(
    pairs: Sequence[Pair],
    *,
    url: str | None,
    api_key: str | None,
    rationale: RationaleOption,
    at_once: int,
) -> list[Judged]:
    """Judge all pairs, in their order, `at_once` at a time: by the service at `url`, or else in process. Shows a
    progress bar on stderr where that is a terminal.

    Raises:
        IdiffError: in process, the release cannot be loaded.
        ServiceError: the service refuses this caller.
        httpx.ConnectError, httpx.UnsupportedProtocol: nothing answers at `url`.
    """
    with typer.progressbar(length=len(pairs), label="Judging", show_pos=True, file=sys.stderr) as bar:
        return asyncio.run(_judge(pairs, _judge_of(url, api_key, rationale), rationale, at_once, lambda: bar.update(1)))


def _judge_of(url: str | None, api_key: str | None, rationale: RationaleOption) -> AbstractAsyncContextManager[Judge]:
    if url:
        return AsyncClient(url, api_key=api_key)
    from idiff.local import local

    return local(rationale)


async def _judge(
    pairs: Sequence[Pair],
    judge: AbstractAsyncContextManager[Judge],
    rationale: RationaleOption,
    at_once: int,
    done: Callable[[], None],
) -> list[Judged]:
    places = asyncio.Semaphore(at_once)

    async def one(pair: Pair, judge: Judge) -> Judged:
        async with places:
            judged = await _one(pair, judge, rationale)
        done()
        return judged

    async with judge as opened:
        judging = [asyncio.create_task(one(pair, opened)) for pair in pairs]
        try:
            return await asyncio.gather(*judging)
        finally:  # none may go on with a judge that is closed
            for task in judging:
                task.cancel()
            await asyncio.gather(*judging, return_exceptions=True)


async def _one(pair: Pair, judge: Judge, rationale: RationaleOption) -> Judged:
    try:
        answer = await judge.compare(pair.image_a, pair.image_b, category=pair.category, rationale=rationale)
    except (ServiceError, IdiffError) as error:
        if error.status in REFUSED_ALL:
            raise
        return Judged(pair, None, Failure(error.code, error.message, error.status in OF_THE_PHOTO))
    except (httpx.ConnectError, httpx.UnsupportedProtocol):
        raise
    except httpx.TransportError as error:
        return Judged(pair, None, Failure("no_answer", str(error) or type(error).__name__, of_the_photo=False))
    except OSError as error:
        return Judged(pair, None, Failure("unreadable", error.strerror or "cannot be read", of_the_photo=True))
    return Judged(pair, answer)
