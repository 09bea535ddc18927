"""API keys: who may ask, how often and how many at once. Only their SHA-256 is kept: a key is 256 random bits."""

import hashlib
import hmac
import secrets
import time
import tomllib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Self

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from idiff.errors import KeyBusy, RateLimited, Unauthorized

PREFIX = "idiff_"


class KeysRefused(ValueError):
    """A file of keys cannot be used; the message names the entry at fault."""


class Entry(BaseModel):
    """One key as its file has it; no limit where none is given."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    sha256: Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]
    per_second: Annotated[float, Field(gt=0)] | None = None
    at_once: Annotated[int, Field(ge=1)] | None = None


class KeyFile(BaseModel):
    """`[keys.NAME]` tables."""

    model_config = ConfigDict(extra="forbid")

    keys: dict[Annotated[str, Field(pattern=r"^[A-Za-z0-9_-]{1,40}$")], Entry] = Field(min_length=1)


@dataclass(slots=True)
class Key:
    """A key's name, its limits and what of them is taken. Requests come in bursts of up to a second's worth."""

    name: str
    entry: Entry
    clock: Callable[[], float] = time.monotonic
    held: int = 0
    _tokens: float = field(init=False)
    _filled: float = field(init=False)

    def __post_init__(self) -> None:
        self._tokens, self._filled = self._burst, self.clock()

    @property
    def _burst(self) -> float:
        return max(1.0, self.entry.per_second or 1.0)

    @contextmanager
    def admitted(self) -> Iterator[None]:
        """Hold a place for one request.

        Raises:
            RateLimited, KeyBusy: the key's own limit is reached.
        """
        if self.entry.at_once is not None and self.held >= self.entry.at_once:
            raise KeyBusy(f"{self.held} requests of this key are in progress", limit=self.entry.at_once)
        self._take()
        self.held += 1
        try:
            yield
        finally:
            self.held -= 1

    def _take(self) -> None:
        rate = self.entry.per_second
        if rate is None:
            return
        now = self.clock()
        self._tokens = min(self._burst, self._tokens + (now - self._filled) * rate)
        self._filled = now
        if self._tokens < 1:
            raise RateLimited(
                f"this key may ask {rate:g} times a second", limit=rate, retry_after_s=(1 - self._tokens) / rate
            )
        self._tokens -= 1


class Keys:
    """All keys of a service."""

    def __init__(self, keys: dict[str, Entry]) -> None:
        self._keys = {name: Key(name, entry) for name, entry in keys.items()}

    @classmethod
    def read(cls, path: Path) -> Self:
        """A TOML file; raises KeysRefused."""
        try:
            return cls(KeyFile.model_validate(tomllib.loads(path.read_text())).keys)
        except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
            raise KeysRefused(f"{path}: {error}") from None
        except ValidationError as error:
            first = error.errors()[0]
            raise KeysRefused(f"{path}: {'.'.join(map(str, first['loc']))}: {first['msg']}") from None

    def of(self, secret: str) -> Key:
        """The key that `secret` is; every one is compared, in constant time.

        Raises:
            Unauthorized: it is none.
        """
        digest = hashlib.sha256(secret.encode()).hexdigest()
        found = [key for key in self._keys.values() if hmac.compare_digest(key.entry.sha256, digest)]
        if not found:
            raise Unauthorized("send a valid API key as `Authorization: Bearer KEY` or `X-API-Key: KEY`")
        return found[0]


def new() -> tuple[str, str]:
    """A new key and its SHA-256."""
    secret = PREFIX + secrets.token_urlsafe(32)
    return secret, hashlib.sha256(secret.encode()).hexdigest()
