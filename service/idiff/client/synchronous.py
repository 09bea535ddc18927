"""The client for ordinary code."""

import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from types import TracebackType
from typing import Self, Unpack

import httpx

from idiff.client.answer import read, refusal
from idiff.client.attempts import LOST, Attempts
from idiff.client.events import Decoder, Event
from idiff.client.request import Call, CompareOptions, Photo, RankOptions, comparison, connection, ranking
from idiff.ranking.schemas import Ranking
from idiff.schemas import Comparison, ServiceInfo


class Client:
    """Talks to one iDiff service; connections are kept, so one client serves many calls and threads. Close it, or use
    it in a `with` block.

    `api_key`: where the service asks for one. `timeout_s`: seconds for all of a call, its retries included; what is
    left of it the service is told. `retries`: how often a call that the service is too busy for (429, 503), or whose
    connection broke, is repeated. `trust_env`: whether proxy variables of the environment apply.
    """

    def __init__(
        self,
        url: str = "http://127.0.0.1:8000",
        *,
        api_key: str | None = None,
        timeout_s: float = 60.0,
        retries: int = 4,
        trust_env: bool = True,
    ) -> None:
        self._http = httpx.Client(**connection(url, api_key, trust_env))
        self._timeout_s, self._retries = timeout_s, retries

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Close the connections."""
        self._http.close()

    def ready(self) -> bool | None:
        """Whether the service can give verdicts; None where nothing answers. Asks once."""
        try:
            return self._http.get("/readyz").status_code == httpx.codes.OK
        except httpx.TransportError:
            return None

    def info(self) -> ServiceInfo:
        """Release, providers and limits. Raises as `compare` does."""
        return read(self._send(Call("GET", "/info")), ServiceInfo)

    def compare(self, image_a: Photo, image_b: Photo, **options: Unpack[CompareOptions]) -> Comparison:
        """Which of two photos of the same scene a professional would prefer, how sure, and why.

        Raises:
            ServiceError: the service refused the pair, or was busy for too long.
            httpx.TransportError: the service could not be reached, or did not answer in time.
            OSError: a file cannot be read.
        """
        return read(self._send(comparison(image_a, image_b, streamed=False, **options)), Comparison)

    def rank(self, photos: Sequence[Photo], **options: Unpack[RankOptions]) -> Ranking:
        """Put 2 to 64 photos of one scene in order, best first. Photos are named by their place in `photos`; raises as
        `compare` does."""
        return read(self._send(ranking(photos, **options)), Ranking)

    @contextmanager
    def stream(self, image_a: Photo, image_b: Photo, **options: Unpack[CompareOptions]) -> Iterator[Iterator[Event]]:
        """The same as events, the verdict as soon as it exists; leaving the block early ends the service's work.

        Raises as `compare` does, within the block too where the stream breaks off.
        """
        answer = self._send(comparison(image_a, image_b, streamed=True, **options))
        try:
            yield _events(answer)
        finally:
            answer.close()

    def _send(self, call: Call) -> httpx.Response:
        """A successful answer, its body read unless it is streamed."""
        attempts = Attempts(self._retries, self._timeout_s if call.timeout_s is None else call.timeout_s)
        while True:
            try:
                answer = self._http.send(call.request(self._http, attempts.left_s), stream=call.streamed)
                if answer.is_success:
                    return answer
                answer.read()
            except LOST as error:
                pause = attempts.pause(error)
            else:
                pause = attempts.pause(refusal(answer))
            time.sleep(pause)


def _events(answer: httpx.Response) -> Iterator[Event]:
    decoder = Decoder(answer)
    for piece in answer.iter_bytes():
        yield from decoder.feed(piece)
    decoder.end()
