"""The words of the grounded rationale: data in phrases.toml, one of several wordings chosen by the pair's content."""

import tomllib
from dataclasses import dataclass
from functools import cache
from hashlib import blake2b
from importlib.resources import files
from typing import Any, Final

from idiff.types import Features, Side

NAMES: Final[dict[Side, str]] = {"A": "Image A (Left)", "B": "Image B (Right)"}


@cache
def phrases() -> dict[str, Any]:
    """The whole of phrases.toml."""
    return tomllib.loads(files("idiff.thinking").joinpath("phrases.toml").read_text(encoding="utf-8"))


@dataclass(frozen=True, slots=True)
class Wording:
    """Chooses among equivalent wordings, the same way for a pair and for its mirror image."""

    seed: bytes

    @classmethod
    def of(cls, features: Features) -> "Wording":
        """Seeded by what was measured, whichever photo came first."""
        return cls("\n".join(sorted([repr(features.a), repr(features.b)])).encode())

    def choose(self, key: str, texts: list[str]) -> str:
        digest = blake2b(self.seed + key.encode(), digest_size=4).digest()
        return texts[int.from_bytes(digest) % len(texts)]

    def grade(self, key: str, kind: str, level: int) -> str:
        """The adverb (`adv`) or adjective (`adj`) of a level 1-3; empty for level 0, whose phrases have none."""
        return self.choose(key + kind, phrases()["grades"][kind][level - 1]) if level else ""


def enumerate_words(items: list[str]) -> str:
    """`a`, `a and b`, `a, b and c`."""
    return items[0] if len(items) == 1 else f"{', '.join(items[:-1])} and {items[-1]}"
