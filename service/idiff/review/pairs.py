"""Pairs of photo files, and how two folders make them."""

import os
from collections import Counter
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from pathlib import Path, PurePath
from typing import Final

from idiff.schemas import CategoryOption

SUFFIXES: Final = frozenset({".avif", ".heic", ".heif", ".jpeg", ".jpg", ".png", ".tif", ".tiff", ".webp"})


@dataclass(frozen=True)
class Pair:
    """Two photo files of one scene."""

    name: str
    image_a: Path
    image_b: Path
    category: CategoryOption = "auto"


@dataclass(frozen=True)
class Matched:
    """Photos of two folders: those with a counterpart, A from the first folder, and the names of the others."""

    pairs: tuple[Pair, ...]
    only_first: tuple[str, ...]
    only_second: tuple[str, ...]


def match(first: Path, second: Path, category: CategoryOption = "auto") -> Matched:
    """Pairs of equal name, subfolders included; where no name is equal, of a name that differs in its suffix only."""
    ours, theirs = _photos(first), _photos(second)
    partners = {name: name for name in ours.keys() & theirs.keys()}
    left, right = (_by_stem(photos.keys() - partners.keys()) for photos in (ours, theirs))
    partners |= {left[stem]: right[stem] for stem in left.keys() & right.keys()}
    pairs = tuple(Pair(name, ours[name], theirs[partners[name]], category) for name in sorted(partners))
    alone = [tuple(sorted(found)) for found in (ours.keys() - partners.keys(), theirs.keys() - set(partners.values()))]
    return Matched(pairs, *alone)


def _photos(folder: Path) -> Mapping[str, Path]:
    """Photo files below a folder by their path from there; hidden ones are none."""
    found = {path.relative_to(folder): path for path in folder.rglob("*") if path.suffix.lower() in SUFFIXES}
    return {
        _printable(name): path
        for name, path in found.items()
        if path.is_file() and not any(part.startswith(".") for part in name.parts)
    }


def _printable(name: PurePath) -> str:
    """A name that can be shown: what is no text, or no printable one, becomes escapes."""
    text = os.fsencode(name.as_posix()).decode("utf-8", "backslashreplace")
    return "".join(sign if sign.isprintable() else sign.encode("unicode_escape").decode() for sign in text)


def _by_stem(names: Collection[str]) -> dict[str, str]:
    """Names by what stands before their suffix, where that is one's alone."""
    stems = {name: name.rpartition(".")[0] for name in names}
    count = Counter(stems.values())
    return {stem: name for name, stem in stems.items() if count[stem] == 1}
