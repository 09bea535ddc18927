"""What the Thinking Model learns to score attributes on: rated photographs of several sets, two of one set at a time.

As in MG-IQA, sets (synthetic, authentic, generated, ...) are trained on together and never compared: each keeps the
scale that its raters used, and takes part with the attributes it was rated for.
"""

import csv
import math
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from tqdm import tqdm

from idiff.config import Settings
from idiff.errors import IdiffError
from idiff.imaging import views as imaging
from idiff.imaging.decode import decode
from idiff.thinking import attributes
from idiff.thinking.families import FamilyName
from idiff.types import Views
from idiff_models.thinking import rows

MOST_PIXELS: int = Settings.model_fields["max_pixels"].default


class RatingsError(ValueError):
    """A file of ratings cannot be used; the message names the line or the photograph at fault."""


@dataclass(frozen=True)
class Rated:
    """A photograph and what people say of it, by attribute: mean opinions on its set's own scale, more being better."""

    path: Path
    set: str
    opinions: dict[str, float]


def read_ratings(path: Path, root: Path | None) -> list[Rated]:
    """A CSV file with the columns `image`, `set` and any of the attributes, more being better (of `noise`: cleaner); an
    empty cell was not rated. Paths are relative to `root`, else to the file.

    Raises:
        RatingsError: it cannot be read, a column or a name is missing, or a cell is no number.
    """
    try:
        return _read(path, root or path.parent)
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise RatingsError(f"{path}: {error}") from error


def _read(path: Path, root: Path) -> list[Rated]:
    with path.open(newline="", encoding="utf-8-sig") as file:
        reader = csv.DictReader(file)
        names = [name for name in attributes.NAMES if name in (reader.fieldnames or ())]
        if not names or not {"image", "set"} <= set(reader.fieldnames or ()):
            raise RatingsError(f"{path}: needs columns image, set and any of {', '.join(attributes.NAMES)}")
        found = []
        for cells in reader:
            if not (cells["image"] and cells["set"]):
                raise RatingsError(f"{path}: line {reader.line_num}: needs an image and the set it is of")
            opinions = {name: _number(path, reader.line_num, name, cells[name]) for name in names if cells[name]}
            if opinions:
                found.append(Rated(root / cells["image"], cells["set"], opinions))
    return found


def _number(path: Path, number: int, column: str, cell: str) -> float:
    try:
        value = float(cell)
    except ValueError:
        value = math.nan
    if not math.isfinite(value):
        raise RatingsError(f"{path}: line {number}: column {column}: {cell[:40]!r} is not a number")
    return value


def write(rated: Sequence[Rated], out: Path, family: FamilyName, pixels: int, rounds: int, seed: int = 42) -> int:
    """Write `attributes.jsonl` for ms-swift's GRPO, and the views it names, to `out`; returns its rows.

    Every photograph of a set of at least two is shown `rounds` times, each time beside another one of its set; where
    they share no attribute, the two are left out.

    Raises:
        RatingsError: a photograph cannot be used, or no set has two.
    """
    pairs = list(_pairs(rated, rounds, np.random.default_rng(seed)))
    if not pairs:
        raise RatingsError("no set has two rated photographs, and only those of one set can be compared")
    out.mkdir(parents=True, exist_ok=True)
    prompt = attributes.question()
    with (out / "attributes.jsonl").open("w") as file:
        for number, (a, b) in enumerate(tqdm(pairs, desc="ratings", unit="pair")):
            shown = rows.row(prompt, _views(a, b), family, pixels, out)
            file.write(rows.line(shown, name=f"rated-{number}", set=a.set, truth=[a.opinions, b.opinions]))
    return len(pairs)


def _pairs(rated: Sequence[Rated], rounds: int, rng: np.random.Generator) -> Iterator[tuple[Rated, Rated]]:
    """Neighbours of a random ring of each set, by turns as left and right; the sets' pairs among each other."""
    sets: dict[str, list[Rated]] = defaultdict(list)
    for one in rated:
        sets[one.set].append(one)
    drawn = []
    for _ in range(rounds):
        for members in sets.values():
            ring = rng.permutation(len(members))
            beside = np.roll(ring, -1)  # of an odd ring the first is shown once more, beside the last
            drawn += [(members[a], members[b]) for a, b in zip(ring[::2], beside[::2], strict=True) if a != b]
    drawn = [(a, b) for a, b in drawn if a.opinions.keys() & b.opinions.keys()]
    for place in rng.permutation(len(drawn)):
        yield drawn[place]


def _views(a: Rated, b: Rated) -> Views:
    try:
        left, right = (decode(one.path.read_bytes(), "image", MOST_PIXELS) for one in (a, b))
    except (IdiffError, OSError) as error:
        raise RatingsError(f"{a.path}, {b.path}: {error}") from error
    return imaging.make_views(left, right, imaging.global_view(left), imaging.global_view(right), (), ())
