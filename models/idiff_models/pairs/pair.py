"""One pair with its label, and what is wrong with a file of them."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from idiff.types import CategoryName


@dataclass(frozen=True)
class LabelledPair:
    """Two photographs of one scene and which of them people, or the truth, prefer.

    `name`: unique in its set. `images`: files by the service's form fields, either `image_a` and `image_b` with or
    without `crop_a` and `crop_b`, or `merged_global` with or without `merged_crop`. `target`: probability that A (left)
    is the better, 0-1, 0.5 where they are equal, None where nobody said. `category`: None lets the service route.
    `kind`: what differs, or where the pair is from; "" unknown. `files`: the images as their list names them.
    """

    name: str
    images: Mapping[str, Path]
    target: float | None
    category: CategoryName | None
    kind: str = ""
    files: tuple[str, ...] = field(default=(), compare=False)


class PairsError(ValueError):
    """A file of pairs that cannot be used. `line` counts from 1; 0 where the whole file is at fault."""

    def __init__(self, path: Path, line: int, message: str) -> None:
        super().__init__(f"{path}: line {line}: {message}" if line else f"{path}: {message}")
        self.path = path
        self.line = line
        self.message = message


class Names:
    """Makes names unique: the second `photo` becomes `photo#2`."""

    def __init__(self) -> None:
        self._seen: dict[str, int] = {}

    def unique(self, name: str) -> str:
        """`name`, or `name#2` and so on where it was given before."""
        number = self._seen[name] = self._seen.get(name, 0) + 1
        return name if number == 1 else self.unique(f"{name}#{number}")
