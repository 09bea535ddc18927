"""The client for asyncio: `synchronous.Client` with every call awaited."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from functools import partial
from types import TracebackType
from typing import Self, Unpack

import httpx

from idiff.client.answer import read, refusal
from idiff.client.attempts import LOST, Attempts
from idiff.client.events import Decoder, Event
from idiff.client.request import Call, CompareOptions, Photo, RankOptions, comparison, connection, ranking
from idiff.ranking.schemas import Ranking
from idiff.schemas import Comparison, ServiceInfo


class AsyncClient:
    """`Client` for asyncio; arguments and errors are the same."""

    def __init__(
        self,
        url: str = "http://127.0.0.1:8000",
        *,
        api_key: str | None = None,
        timeout_s: float = 60.0,
        retries: int = 4,
        trust_env: bool = True,
    ) -> None:
        self._http = httpx.AsyncClient(**connection(url, api_key, trust_env))
        self._timeout_s, self._retries = timeout_s, retries

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.aclose()

    async def aclose(self) -> None:
        """Close the connections."""
        await self._http.aclose()

    async def ready(self) -> bool | None:
        """Whether the service can give verdicts; None where nothing answers. Asks once."""
        try:
            return (await self._http.get("/readyz")).status_code == httpx.codes.OK
        except httpx.TransportError:
            return None

    async def info(self) -> ServiceInfo:
        """Release, providers and limits."""
        return read(await self._send(Call("GET", "/info")), ServiceInfo)

    async def compare(self, image_a: Photo, image_b: Photo, **options: Unpack[CompareOptions]) -> Comparison:
        """`Client.compare`."""
        prepare = partial(comparison, image_a, image_b, streamed=False, **options)
        return read(await self._send(await asyncio.to_thread(prepare)), Comparison)

    async def rank(self, photos: Sequence[Photo], **options: Unpack[RankOptions]) -> Ranking:
        """`Client.rank`."""
        prepare = partial(ranking, photos, **options)
        return read(await self._send(await asyncio.to_thread(prepare)), Ranking)

    @asynccontextmanager
    async def stream(
        self, image_a: Photo, image_b: Photo, **options: Unpack[CompareOptions]
    ) -> AsyncIterator[AsyncIterator[Event]]:
        """`Client.stream`."""
        prepare = partial(comparison, image_a, image_b, streamed=True, **options)
        answer = await self._send(await asyncio.to_thread(prepare))
        try:
            yield _events(answer)
        finally:
            await answer.aclose()

    async def _send(self, call: Call) -> httpx.Response:
        """A successful answer, its body read unless it is streamed."""
        attempts = Attempts(self._retries, self._timeout_s if call.timeout_s is None else call.timeout_s)
        while True:
            try:
                answer = await self._http.send(call.request(self._http, attempts.left_s), stream=call.streamed)
                if answer.is_success:
                    return answer
                await answer.aread()
            except LOST as error:
                pause = attempts.pause(error)
            else:
                pause = attempts.pause(refusal(answer))
            await asyncio.sleep(pause)


async def _events(answer: httpx.Response) -> AsyncIterator[Event]:
    decoder = Decoder(answer)
    async for piece in answer.aiter_bytes():
        for event in decoder.feed(piece):
            yield event
    decoder.end()
