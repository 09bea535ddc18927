"""The gateway's side of the IQA service: one call a pair, with a deadline, and easily done without."""

import asyncio
import logging
import math
import time
from collections.abc import Callable
from concurrent.futures import Executor
from typing import Final, Literal

import httpx
from pydantic import ValidationError

from idiff.breaker import Breaker
from idiff.deadline import HEADER
from idiff.iqa.wire import Answer, Info, Scored, pack
from idiff.schemas import ErrorBody
from idiff.types import Learned, LearnedScore, Views, ViewScores

log = logging.getLogger(__name__)

Reason = Literal["circuit_open", "busy", "not_ready", "timeout", "unreachable", "upstream_error", "malformed"]

FAILURES: Final = 5
RESET_S: Final = 15.0
"""After so many failures in a row the service is left alone for so long."""

CONNECT_S: Final = 2.0

INFO_S: Final = 5.0
AGAIN_S: Final = 15.0
"""Longest wait for what the service says of itself, and until it is asked again where it says nothing."""


class IqaUnavailable(Exception):
    """No scores came; `reason` says why."""

    def __init__(self, reason: Reason) -> None:
        super().__init__(reason)
        self.reason: Reason = reason


class IqaClient:
    """Client of one service at `url`. `observe` is told the outcome of every call, "ok" or the reason.

    `breaker.state` and `known`, the metrics that the service knows with their licences, are there to be read.
    """

    def __init__(self, url: str, deadline_s: float, executor: Executor, observe: Callable[[str], None]) -> None:
        self.breaker = Breaker(FAILURES, RESET_S)
        self.known: dict[str, str] = {}
        self._deadline_s, self._executor, self._observe = deadline_s, executor, observe
        # No proxies or credentials from the environment, and no waiting for a connection: the deadline is kept here.
        self._http = httpx.AsyncClient(
            base_url=url,
            timeout=httpx.Timeout(None, connect=CONNECT_S),
            limits=httpx.Limits(max_connections=None),
            trust_env=False,
        )

    async def aclose(self) -> None:
        """Close the connections."""
        await self._http.aclose()

    async def introduce(self) -> None:
        """Ask the service what it knows under which licence, until it has answered once. Failing is no call's failure:
        nobody waits for it, and the circuit breaker is not told."""
        while True:
            try:
                async with asyncio.timeout(INFO_S):
                    response = await self._http.get("info")
                self.known = Info.model_validate_json(response.raise_for_status().content).licences | self.known
                return
            except (httpx.HTTPError, TimeoutError, ValidationError) as error:
                log.info("the IQA service does not say what it knows: %s", type(error).__name__)
            await asyncio.sleep(AGAIN_S)

    async def score(self, views: Views, within_s: float = math.inf) -> Learned:
        """What every metric of the service says of the four views; empty, with the reason, where it says nothing in
        time, which is the client's deadline, or `within_s` seconds if that is sooner."""
        try:
            answer = await self._asked(views, within_s)
        except IqaUnavailable as error:
            self._observe(error.reason)
            return Learned((), error.reason)
        self._observe("ok")
        self.known = self.known | {one.metric: one.licence for one in answer.scored}
        return Learned(tuple(_read(one) for one in answer.scored), None)

    async def _asked(self, views: Views, within_s: float) -> Answer:
        permit = self.breaker.admit()
        if permit is None:
            raise IqaUnavailable("circuit_open")
        begun = time.monotonic()
        try:
            async with asyncio.timeout(None if math.isinf(within_s) else within_s):
                # Before its own deadline begins: how long our workers take says nothing of the service.
                body = await asyncio.get_running_loop().run_in_executor(self._executor, pack, views)
                seconds = min(self._deadline_s, begun + within_s - time.monotonic())
                async with asyncio.timeout(seconds):
                    answer = await self._post(body, seconds)
            permit.settle(True)
            return answer
        except TimeoutError:
            # Nor does a caller who is in a hurry.
            permit.settle(None if within_s < self._deadline_s else False)
            raise IqaUnavailable("timeout") from None
        except IqaUnavailable as error:
            permit.settle(None if error.reason == "busy" else False)  # a full service is neither sick nor sound
            raise
        finally:
            permit.settle(None)

    async def _post(self, body: bytes, seconds: float) -> Answer:
        headers = {HEADER: str(max(1, round(1000 * seconds)))}
        try:
            response = await self._http.post("score", content=body, headers=headers)
        except httpx.DecodingError:
            raise IqaUnavailable("malformed") from None
        except httpx.TransportError:
            raise IqaUnavailable("unreachable") from None
        if response.status_code != httpx.codes.OK:
            raise IqaUnavailable(_failure(response))
        try:
            return Answer.model_validate_json(response.content)
        except ValidationError:
            raise IqaUnavailable("malformed") from None


def _failure(response: httpx.Response) -> Reason:
    if response.status_code == httpx.codes.GATEWAY_TIMEOUT:
        return "timeout"
    if response.status_code != httpx.codes.SERVICE_UNAVAILABLE:
        return "upstream_error"
    try:
        code = ErrorBody.model_validate_json(response.content).error.code
    except ValidationError:
        return "busy"
    return "not_ready" if code == "not_ready" else "busy"


def _read(one: Scored) -> LearnedScore:
    def photo(side: str) -> ViewScores:
        return ViewScores(one.scores.get(f"global_{side}"), one.scores.get(f"crop_{side}"))

    return LearnedScore(one.metric, one.better, one.licence, one.version, photo("a"), photo("b"))
