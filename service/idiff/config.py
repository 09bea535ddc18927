"""Every knob of the service, its unit and its environment variable (`IDIFF_` + the upper-case name)."""

import os
from importlib.resources import files
from ipaddress import ip_address
from pathlib import Path
from typing import Annotated, Literal, Self

from pydantic import AfterValidator, Field, SecretStr, model_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

from idiff.logs import Format
from idiff.thinking.families import FamilyName
from idiff.thinking.form import SHORTEST, fitting
from idiff.thinking.stages import Stage, Wording
from idiff.thinking.upstream import base_url
from idiff.urls import http_url

Provider = Literal["cpu", "cuda", "tensorrt", "openvino"]

SECRETS = Path("/run/secrets")
"""Where container engines put secrets, each a file; one that is named like a variable, in lower case, is its value."""


def _loopback(host: str) -> bool:
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _thinking(url: str) -> str:
    base_url(url)
    return url


def _iqa(url: str) -> str:
    http_url(url, "the IQA service")
    return url


class Settings(BaseSettings):
    """Read from the environment when created, never at import; what that has not, from SECRETS."""

    model_config = SettingsConfigDict(
        env_prefix="IDIFF_", frozen=True, secrets_dir=SECRETS if SECRETS.is_dir() else None
    )

    host: str = Field(default="127.0.0.1", description="Address to listen on.")
    port: Annotated[int, Field(ge=1, le=65535)] = Field(default=8000, description="Port to listen on.")
    log_level: Literal["debug", "info", "warning", "error"] = Field(
        default="info", description="Least severe line kept."
    )

    log_format: Format = Field(default="json", description="One JSON object a line, or text for people.")

    traces: bool = Field(
        default=False, description="Export OpenTelemetry spans (extra `otel`) as OTEL_EXPORTER_OTLP_* say."
    )

    api_keys: Path | None = Field(default=None, description="TOML file of API keys: see `idiff key`.")
    allow_anonymous: bool = Field(
        default=False, description="Serve without keys on other interfaces than loopback too: anyone may ask."
    )

    ui: bool = Field(default=True, description="Serve the page for people at `/`.")

    release: Path | None = Field(default=None, description="Answer Model release folder; the bundled starter if unset.")
    provider: Provider = Field(default="cpu", description="Execution provider that every session must run on.")
    threads: Annotated[int, Field(ge=1)] = Field(
        default_factory=lambda: (
            len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
        ),
        description="Worker threads for decoding and inference; the cores by default.",
    )
    batch_photos: Annotated[int, Field(ge=1, le=256)] | None = Field(
        default=None, description="Most photos in one call of an encoder; by default 32 on a GPU, 1 on a CPU."
    )
    shadow_release: Path | None = Field(
        default=None, description="Release that judges a share of the pairs for the metrics only."
    )
    shadow_share: Annotated[float, Field(ge=0, le=1)] = Field(default=0.1, description="Its share of the pairs.")

    max_uploads: Annotated[int, Field(ge=1)] = Field(
        default=32, description="Bodies that may be arriving at once; more get 503."
    )
    max_in_flight: Annotated[int, Field(ge=1)] | None = Field(
        default=None,
        description="Comparisons held at once, from last byte to verdict; more get 503. By default 4 a thread, and 1.",
    )
    pairs_in_memory: Annotated[int, Field(ge=1)] | None = Field(
        default=None,
        description="Pairs with full-size pixels in memory at once; more wait compressed. By default one a thread.",
    )
    max_body_bytes: Annotated[int, Field(ge=1)] = Field(default=64 * 2**20, description="Largest request body, bytes.")
    request_timeout_s: Annotated[float, Field(gt=0)] = Field(
        default=60.0, description="Whole request, seconds, where its caller sets no X-Request-Timeout-Ms."
    )
    upload_timeout_s: Annotated[float, Field(gt=0)] = Field(default=30.0, description="Time to send a body, seconds.")
    max_pixels: Annotated[int, Field(ge=1)] = Field(default=64_000_000, description="Largest picture, pixels.")

    cache_bytes: Annotated[int, Field(ge=0)] = Field(
        default=0, description="Memory for answers to be given again to the same upload, bytes; 0 keeps none."
    )
    drain_delay_s: Annotated[float, Field(ge=0)] = Field(
        default=0.0,
        description="From SIGTERM to the end of listening, seconds: time for balancers to see /readyz fail.",
    )
    drain_timeout_s: Annotated[int, Field(ge=1)] = Field(
        default=60, description="Longest wait for requests in progress after that, seconds; as long as one may take."
    )
    admin_port: Annotated[int, Field(ge=1, le=65535)] | None = Field(
        default=None, description="Port of the admin endpoints on 127.0.0.1; none without it."
    )

    iqa_url: Annotated[str, AfterValidator(_iqa)] | None = Field(
        default=None, description="Base URL of an IQA service (idiff_iqa) for learned quality scores."
    )
    iqa_deadline_s: Annotated[float, Field(gt=0)] = Field(
        default=1.0, description="Longest wait for its scores, seconds; the answer goes on without them."
    )

    lines_min: Annotated[int, Field(ge=1, le=12)] = Field(default=4, description="Fewest rationale lines asked for.")
    lines_max: Annotated[int, Field(ge=1, le=12)] = Field(default=7, description="Most rationale lines.")

    thinking_url: Annotated[str, AfterValidator(_thinking)] | None = Field(
        default=None, description="Base URL of an OpenAI-compatible vLLM server, http:// or https://."
    )
    thinking_model: str = Field(default="rationale", description="Served name of the LoRA adapter.")
    thinking_family: FamilyName = Field(default="qwen3-vl", description="Family of the model under the adapter.")
    thinking_stage: Stage = Field(
        default="answer", description="Stage that it was trained on; only `answer` tells it the verdict to explain."
    )
    thinking_wording: Wording = Field(default="idiff", description="Wording of the verdict that it was trained on.")
    thinking_api_key: SecretStr | None = Field(default=None, description="Bearer token for the vLLM server.")
    thinking_deadline_s: Annotated[float, Field(gt=0)] = Field(default=20.0, description="Whole rationale, seconds.")
    thinking_concurrency: Annotated[int, Field(ge=1)] = Field(
        default=8, description="Rationales in flight at once, of each adapter."
    )
    thinking_view_pixels: Annotated[int, Field(ge=4096)] = Field(
        default=448 * 448, description="Most pixels of a view."
    )
    thinking_canary: Path | None = Field(
        default=None, description="canary.json of the adapter; without it nothing proves that all of it is loaded."
    )
    thinking_trial: str | None = Field(default=None, description="Served name of a second adapter, on trial.")
    thinking_trial_share: Annotated[float, Field(ge=0, le=1)] = Field(
        default=0.05, description="Share of the pairs that the adapter on trial explains."
    )
    thinking_trial_canary: Path | None = Field(default=None, description="Its canary.json.")
    thinking_check_s: Annotated[float, Field(ge=0)] = Field(
        default=300.0, description="Seconds between two checks of the Thinking Model; 0 makes none."
    )
    thinking_max_tokens: Annotated[int, Field(ge=16)] = Field(
        default=1024, description="Longest rationale, tokens; its lines are held short enough to end before that."
    )

    @property
    def exposed(self) -> bool:
        """Whether others than this machine could ask without a key."""
        return self.api_keys is None and not self.allow_anonymous and not _loopback(self.host)

    @property
    def lines(self) -> tuple[int, int]:
        """Fewest and most rationale lines before the summary."""
        return self.lines_min, self.lines_max

    @model_validator(mode="after")
    def _ordered(self) -> Self:
        if self.lines_min > self.lines_max:
            raise ValueError("lines_min is above lines_max")
        if fitting(self.lines_max, self.thinking_max_tokens) < SHORTEST:
            raise ValueError(f"thinking_max_tokens {self.thinking_max_tokens} has no room for {self.lines_max} lines")
        if self.thinking_stage == "judge":
            raise ValueError("thinking_stage judge: a model that judges by itself explains no verdict")
        if self.thinking_trial and (self.thinking_url is None or self.thinking_trial == self.thinking_model):
            raise ValueError("thinking_trial needs thinking_url and another name than thinking_model")
        if self.thinking_trial_canary and not self.thinking_trial:
            raise ValueError("thinking_trial_canary without thinking_trial")
        if self.thinking_check_s == 0 and (self.thinking_canary or self.thinking_trial_canary):
            raise ValueError("a canary is given, but thinking_check_s of 0 makes no check")
        return self

    @property
    def batch_size(self) -> int:
        """Most photos in one call of an encoder. On a CPU a batch costs more than its photos one by one."""
        return self.batch_photos or (1 if self.provider in ("cpu", "openvino") else 32)

    @property
    def in_flight(self) -> int:
        """Comparisons held at once. The last of them waits for all others: with more, p99 under an overload would be
        over twice what it is at four fifths of what the service can do (`loadtest/run.py spike`)."""
        return self.max_in_flight or 4 * self.threads + 1

    @property
    def in_memory(self) -> int:
        """Pairs with full-size pixels in memory at once; two at least, so that one is decoded while another is cut."""
        return self.pairs_in_memory or max(2, self.threads)

    @property
    def canaries(self) -> tuple[Path | None, Path | None]:
        """canary.json of the adapter and of the one on trial."""
        return self.thinking_canary, self.thinking_trial_canary

    @property
    def release_folder(self) -> Path:
        """The configured release, else the bundled starter: inside the package, or beside it in a source checkout."""
        if self.release:
            return self.release
        packed = Path(str(files("idiff"))) / "releases" / "starter"
        return packed if packed.is_dir() else Path(__file__).parents[2] / "models" / "releases" / "starter"
