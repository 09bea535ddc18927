"""An optional language model that reads a rationale beside the expert's and says how well they agree."""

import json
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field

import httpx
from tqdm import tqdm

from idiff.thinking.sse import FULL
from idiff.thinking.upstream import base_url

REVISION = "judge-1"

SYSTEM = (
    "You compare two written comparisons of the same pair of photographs, an expert's and a candidate's. You "
    "do not see the photographs. Say how far the candidate makes the expert's points: which regions, which "
    "qualities, and which photograph each speaks for. Wording, order and length do not count. A claim that "
    "contradicts the expert's costs more than one that is missing."
)

ASKED = """Expert:
{reference}

Candidate:
{prediction}

Score the candidate from 0 (none of the points, or contradictions) through 5 (about half of them) to 10 (all of them, \
no contradiction). Answer with JSON only: {{"score": <0 to 10>}}"""

TIMEOUT_S = 120.0
TRIES = 3
PAUSE_S = 2.0
"""Before a full server is asked again."""


class JudgeFailed(Exception):
    """The language model gave no usable score; the message says why."""


@dataclass(frozen=True)
class Judge:
    """Any OpenAI-compatible server. `at_once`: requests in flight."""

    url: str
    model: str
    api_key: str | None = field(default=None, repr=False)
    at_once: int = 8

    def scores(self, texts: Sequence[tuple[str, str]], transport: httpx.BaseTransport | None = None) -> list[float]:
        """The score of each (prediction, reference), 0-1, greedy.

        Raises:
            JudgeFailed: the server cannot be reached, refuses, or gives no score in `TRIES` tries.
            ValueError: `url` is none.
        """
        headers = {"authorization": f"Bearer {self.api_key}"} if self.api_key else {}
        base = base_url(self.url)
        with (
            httpx.Client(
                base_url=base, headers=headers, timeout=TIMEOUT_S, trust_env=False, transport=transport
            ) as http,
            ThreadPoolExecutor(self.at_once) as pool,
        ):
            return list(tqdm(pool.map(lambda pair: self._score(http, *pair), texts), total=len(texts), desc="judge"))

    def _score(self, http: httpx.Client, prediction: str, reference: str) -> float:
        messages = [
            {"role": "system", "content": SYSTEM},
            {"role": "user", "content": ASKED.format(reference=reference, prediction=prediction)},
        ]
        body = {"model": self.model, "messages": messages, "temperature": 0.0, "max_tokens": 64}
        for tries_left in reversed(range(TRIES)):
            try:
                answer = http.post("chat/completions", json=body)
                answer.raise_for_status()
                return _read(answer.json()["choices"][0]["message"]["content"])
            except httpx.HTTPStatusError as error:
                if not tries_left or error.response.status_code not in FULL:
                    raise JudgeFailed(f"status {error.response.status_code}: {error.response.text[:200]}") from None
                time.sleep(PAUSE_S)
            except (httpx.HTTPError, ValueError, KeyError, IndexError, TypeError, AttributeError) as error:
                if not tries_left:
                    raise JudgeFailed(f"no score: {type(error).__name__}: {error}") from None
        raise AssertionError("the last try returns or raises")


def _read(text: str) -> float:
    """The score of an answer, with or without words around its JSON, as a share. Raises ValueError or KeyError."""
    score = float(json.loads(text[text.index("{") : text.rindex("}") + 1])["score"])
    if not 0 <= score <= 10:
        raise ValueError(f"a score of {score}")
    return score / 10
