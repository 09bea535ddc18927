"""The gateway's side of the IQA service: one call a pair, with a deadline, and easily done without."""

import asyncio
import math
from collections.abc import Callable
from concurrent.futures import Executor
from typing import Final, Literal

import httpx
from pydantic import ValidationError

from idiff.breaker import Breaker
from idiff.iqa.wire import Answer, Scored, pack
from idiff.types import Learned, LearnedScore, Views, ViewScores

Reason = Literal["circuit_open", "busy", "timeout", "unreachable", "upstream_error", "malformed"]

FAILURES: Final = 5
RESET_S: Final = 15.0
"""After so many failures in a row the service is left alone for so long."""

SICK: Final = frozenset({"timeout", "unreachable", "upstream_error", "malformed"})
"""Failures that speak of a sick service; a full one is neither sick nor sound."""


class IqaUnavailable(Exception):
    """No scores came; `reason` says why."""

    def __init__(self, reason: Reason) -> None:
        super().__init__(reason)
        self.reason: Reason = reason


class IqaClient:
    """Client of one service at `url`. `observe` is told the outcome of every call, "ok" or the reason.

    `breaker.state` and `known`, the metrics of the last answer with their licences, are there to be read.
    """

    def __init__(self, url: str, deadline_s: float, executor: Executor, observe: Callable[[str], None]) -> None:
        self.breaker = Breaker(FAILURES, RESET_S)
        self.known: dict[str, str] = {}
        self._deadline_s, self._executor, self._observe = deadline_s, executor, observe
        # No proxies or credentials from the environment; the deadline is kept here.
        self._http = httpx.AsyncClient(base_url=url, timeout=httpx.Timeout(None), trust_env=False)

    async def aclose(self) -> None:
        """Close the connections."""
        await self._http.aclose()

    async def score(self, views: Views, within_s: float = math.inf) -> Learned:
        """What every metric of the service says of the four views; empty, with the reason, where it says nothing in
        time, which is the client's deadline, or `within_s` seconds if that is sooner."""
        try:
            answer = await self._asked(views, within_s)
        except IqaUnavailable as error:
            self._observe(error.reason)
            return Learned((), error.reason)
        self._observe("ok")
        self.known = {one.metric: one.licence for one in answer.scored}
        return Learned(tuple(_read(one) for one in answer.scored), None)

    async def _asked(self, views: Views, within_s: float) -> Answer:
        permit = self.breaker.admit()
        if permit is None:
            raise IqaUnavailable("circuit_open")
        try:
            async with asyncio.timeout(min(self._deadline_s, within_s)):
                answer = await self._post(views)
            permit.settle(True)
            return answer
        except TimeoutError:
            permit.settle(
                None if within_s < self._deadline_s else False
            )  # a hurried caller says nothing of the service
            raise IqaUnavailable("timeout") from None
        except IqaUnavailable as error:
            permit.settle(False if error.reason in SICK else None)
            raise
        finally:
            permit.settle(None)

    async def _post(self, views: Views) -> Answer:
        body = await asyncio.get_running_loop().run_in_executor(self._executor, pack, views)
        try:
            response = await self._http.post("score", content=body)
        except httpx.TransportError:
            raise IqaUnavailable("unreachable") from None
        if response.status_code == httpx.codes.SERVICE_UNAVAILABLE:
            raise IqaUnavailable("busy")
        if response.status_code != httpx.codes.OK:
            raise IqaUnavailable("upstream_error")
        try:
            return Answer.model_validate_json(response.content)
        except ValidationError:
            raise IqaUnavailable("malformed") from None


def _read(one: Scored) -> LearnedScore:
    def photo(side: str) -> ViewScores:
        return ViewScores(one.scores.get(f"global_{side}"), one.scores.get(f"crop_{side}"))

    return LearnedScore(one.metric, one.better, one.licence, photo("a"), photo("b"))
