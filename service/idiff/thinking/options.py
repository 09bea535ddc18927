"""What the Thinking Model client can be told, and the ways in which it can fail."""

from dataclasses import dataclass, field
from typing import Literal

from idiff.thinking.families import FamilyName
from idiff.thinking.form import fitting
from idiff.thinking.stages import Stage, Wording

Reason = Literal[
    "not_configured",
    "unproven",
    "circuit_open",
    "busy",
    "timeout",
    "unreachable",
    "upstream_error",
    "malformed",
    "incomplete",
]


class ThinkingUnavailable(Exception):
    """The Thinking Model gave no usable rationale; `reason` says why, `detail` is for the log.

    - `not_configured`: no server is named.
    - `unproven`: its check has not passed.
    - `circuit_open`: it failed repeatedly and is being left alone for a while.
    - `busy`: the own cap or the server's queue is full.
    - `timeout`: the deadline, or the one for the first words, passed.
    - `unreachable`: no connection, or it broke.
    - `upstream_error`: the server answered with an error.
    - `malformed`: what came is not the protocol, or not the form that was asked for.
    - `incomplete`: the text was cut off by the token limit.
    """

    def __init__(self, reason: Reason, detail: str = "") -> None:
        super().__init__(f"{reason}: {detail}" if detail else reason)
        self.reason: Reason = reason


@dataclass(frozen=True, slots=True)
class ThinkingOptions:
    """Knobs of the client.

    `url`: base of an OpenAI-compatible vLLM server, with or without the final `/v1`; None turns the model off.
    `model`: served name of the LoRA adapter; `family`: of the model under it; `stage`, `wording`: of the prompts it was
    trained on. `api_key`: bearer token, never shown.
    `deadline_s`: for everything, from the call to the last word, waiting for a slot included; `first_token_s`: for the
    first word within it; `connect_s`: for the connection. `max_concurrency` rationales run at once and at most
    `max_waiting` more wait for a slot. `view_pixels`: most pixels of a view as sent. `lines_min` to `lines_max` lines,
    then the summary; the server stops at `max_tokens`, and a finding has at most `line_chars` characters, or fewer, for
    the form to end before that (`finding_chars`). Text that fails is sampled once more at `retry_temperature`. After
    `breaker_failures` failures in a row the server is left alone for `breaker_reset_s`.
    """

    url: str | None = None
    model: str = "rationale"
    family: FamilyName = "qwen3-vl"
    api_key: str | None = field(default=None, repr=False)
    deadline_s: float = 20.0
    first_token_s: float = 10.0
    connect_s: float = 2.0
    max_concurrency: int = 8
    max_waiting: int = 8
    view_pixels: int = 448 * 448
    lines_min: int = 4
    lines_max: int = 7
    line_chars: int = 400
    max_tokens: int = 1024
    stage: Stage = "answer"
    wording: Wording = "idiff"
    retry_temperature: float = 0.7
    breaker_failures: int = 5
    breaker_reset_s: float = 15.0

    def __post_init__(self) -> None:
        if not 1 <= self.lines_min <= self.lines_max:
            raise ValueError(f"lines_min {self.lines_min} and lines_max {self.lines_max} are not an interval from 1 up")
        if self.max_concurrency < 1 or self.max_waiting < 0:
            raise ValueError("max_concurrency must be at least 1 and max_waiting at least 0")

    @property
    def finding_chars(self) -> int:
        """Most characters of a finding: `line_chars`, or as many as `max_tokens` has room for in `lines_max` lines."""
        return min(self.line_chars, fitting(self.lines_max, self.max_tokens))
