"""The pairs of a report: from a file of pairs, or a folder with two folders of photos."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from idiff.review.pairs import Pair, match
from idiff_models.pairs import LabelledPair, PairsError, read_pairs


@dataclass(frozen=True)
class Source:
    """What is reported on. `labels`: probability that A is the better by the pair's name, where somebody said; `kinds`:
    what differs, or where the pair is from. `sides`: what A and B are. `alone`: photos without a counterpart."""

    pairs: tuple[Pair, ...]
    labels: dict[str, float]
    kinds: dict[str, str]
    sides: tuple[str, str]
    alone: tuple[str, ...] = ()


def read(path: Path, root: Path | None, sides: tuple[str, str] | None) -> Source:
    """The pairs of `path`: a .csv with columns image_a and image_b (see `idiff_models.pairs`), or a folder that holds
    two folders, whose photos of equal name are pairs; the kind is then the folder below these. `sides`: what A and B
    are called; of a folder, which two folders they are.

    Raises:
        PairsError: it is neither, or holds no pair.
    """
    if path.is_dir():
        return _folders(path, sides)
    labelled = read_pairs(path, root)
    for pair in labelled:
        if set(pair.images) != {"image_a", "image_b"}:
            raise PairsError(path, 0, f"{pair.name}: a report is on two photos, columns image_a and image_b")
    return Source(
        tuple(_pair(pair) for pair in labelled),
        {pair.name: pair.target for pair in labelled if pair.target is not None},
        {pair.name: pair.kind for pair in labelled if pair.kind},
        sides or ("A", "B"),
    )


def _pair(pair: LabelledPair) -> Pair:
    return Pair(pair.name, pair.images["image_a"], pair.images["image_b"], pair.category or "auto")


def _folders(path: Path, sides: tuple[str, str] | None) -> Source:
    found = sorted(entry.name for entry in path.iterdir() if entry.is_dir() and not entry.name.startswith("."))
    if not sides and len(found) != 2:
        raise PairsError(path, 0, f"a folder of pairs holds two folders, this one {len(found)}: name two of them")
    folders = [path / name for name in sides or found]
    for folder in folders:
        if not folder.is_dir():
            raise PairsError(path, 0, f"has no folder {folder.name}")
    matched = match(*folders)
    if not matched.pairs:
        raise PairsError(path, 0, "no photo of one folder has the name of one in the other")
    kinds = {pair.name: pair.name.rpartition("/")[0] for pair in matched.pairs}
    alone = [*_below(folders[0], matched.only_first), *_below(folders[1], matched.only_second)]
    named = {name: kind for name, kind in kinds.items() if kind}
    return Source(matched.pairs, {}, named, (folders[0].name, folders[1].name), tuple(alone))


def _below(folder: Path, names: Sequence[str]) -> list[str]:
    return [f"{folder.name}/{name}" for name in names]
