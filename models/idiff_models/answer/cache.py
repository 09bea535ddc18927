"""Scenes rendered once to disk, shared by all members: the one thing that training reads."""

import hashlib
import json
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import asdict, dataclass
from multiprocessing import get_context
from pathlib import Path
from typing import Any, Self

import cv2
import numpy as np
from numpy.typing import NDArray
from tqdm import tqdm

from idiff.imaging import PREPROCESSING_VERSION
from idiff.imaging.inputs import crop_input, global_input
from idiff.types import CategoryName, Image
from idiff_models.answer.photos import Split, category_of, load, photo_names, split_of
from idiff_models.answer.scenes import draw_scene

SPLIT_CODE: dict[Split, int] = {"train": 0, "validation": 1, "test": 2}
BLOCK = 25


@dataclass(frozen=True)
class Drawn:
    """Which of the engine's scenes a split has: how many, each in `renditions` versions, from the random `seed`.

    `side` of a cached view, pixels, from which training cuts its input at random; `tiles`: native windows of the crop
    that are kept, at random places.
    """

    scenes: int
    renditions: int = 4
    seed: int = 42
    side: int = 144
    tiles: int = 2


@dataclass(frozen=True)
class Cache:
    """Renditions of scenes and who is the better one.

    `views`: uint8 (scenes, K renditions, 1 + tiles, side, side, 3), the global view first. `targets`, `weights`:
    float32 (scenes, K, K): probability that rendition i beats j, and how much that counts, 0 where nothing is known.
    `photos`, `categories`, `kinds`: of each scene.
    """

    views: NDArray[np.uint8]
    targets: NDArray[np.float32]
    weights: NDArray[np.float32]
    photos: list[str]
    categories: list[CategoryName]
    kinds: list[str]

    @classmethod
    def read(cls, folder: Path, split: str) -> Self:
        """Open what was rendered; raises FileNotFoundError where nothing was."""
        notes = json.loads((folder / f"{split}.json").read_text())
        labels = np.load(folder / f"{split}.labels.npz")
        views = np.load(folder / f"{split}.npy", mmap_mode="r")
        return cls(views, labels["targets"], labels["weights"], notes["photos"], notes["categories"], notes["kinds"])


def create(folder: Path, split: str, shape: tuple[int, int, int, int]) -> NDArray[np.uint8]:
    """The empty views of a new cache, `shape` (scenes, K, 1 + tiles, side), to be filled and closed by `finish`."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / f"{split}.json").unlink(missing_ok=True)
    return np.lib.format.open_memmap(folder / f"{split}.npy", mode="w+", dtype=np.uint8, shape=(*shape, shape[-1], 3))


def finish(
    folder: Path,
    split: str,
    made: dict[str, Any],
    targets: NDArray[np.float32],
    weights: NDArray[np.float32],
    notes: Sequence[tuple[str, CategoryName, str]],
) -> None:
    """Write labels and notes, (photo, category, kind) a scene; a cache without them counts as absent."""
    np.savez(folder / f"{split}.labels.npz", targets=targets, weights=weights)
    names, categories, kinds = (list(column) for column in zip(*notes, strict=True))
    text = json.dumps({"made": made, "photos": names, "categories": categories, "kinds": kinds})
    (folder / f"{split}.json").write_text(text)


def made(folder: Path, split: str) -> dict[str, Any] | None:
    """What a finished cache was made with, None where there is none."""
    notes = folder / f"{split}.json"
    return json.loads(notes.read_text())["made"] if notes.exists() and (folder / f"{split}.npy").exists() else None


def scene_seed(split: Split, index: int, seed: int) -> tuple[int, int, int]:
    """The random seed of one scene; splits never share one."""
    return seed, SPLIT_CODE[split], index


def split_names(folder: Path, split: Split) -> list[str]:
    """The photographs of a split; raises ValueError where there are none."""
    names = [name for name in photo_names(folder) if split_of(name) == split]
    if not names:
        raise ValueError(f"no {split} photographs under {folder}")
    return names


def _windows(crops: Sequence[Image], drawn: Drawn, rng: np.random.Generator) -> list[NDArray[np.uint8]]:
    """(tiles, side, side, 3) of each crop, at the same random places."""
    side, least = drawn.side, min(min(crop.shape[:2]) for crop in crops)
    if least <= side:
        return [np.stack([crop_input(crop, side)] * drawn.tiles) for crop in crops]
    corners = rng.integers(least - side + 1, size=(drawn.tiles, 2))
    return [np.stack([crop[y : y + side, x : x + side] for y, x in corners]) for crop in crops]


Rendered = tuple[str, str, NDArray[np.float32], NDArray[np.float32]]


def _render(folder: Path, target: Path, split: Split, span: range, drawn: Drawn) -> list[Rendered]:
    cv2.setNumThreads(1)
    names = split_names(folder, split)
    views = np.load(target, mmap_mode="r+")
    rows = []
    for index in span:
        seeds = scene_seed(split, index, drawn.seed)
        scene = draw_scene(folder, names, drawn.renditions, seeds)
        tiles = _windows(scene.crop_views, drawn, np.random.default_rng([*seeds, 1]))
        for place, (whole, native) in enumerate(zip(scene.global_views, tiles, strict=True)):
            views[index, place] = np.concatenate([global_input(whole, drawn.side)[None], native])
        rows.append((scene.photo, scene.plan.kind, scene.targets, scene.weights))
    views.flush()
    return rows


def engine() -> str:
    """A checksum of the code that decides what a scene looks like and who is the better one."""
    here = Path(__file__).parent
    names = ("degradations/*.py", "renditions.py", "labels.py", "fidelity.py", "scenes.py")
    sources = [path.read_bytes() for name in names for path in sorted(here.glob(name))]
    return hashlib.sha256(b"".join(sources)).hexdigest()[:16]


def build(folder: Path, work: Path, split: Split, drawn: Drawn, workers: int, labels: dict[str, CategoryName]) -> None:
    """Render a split of the photographs below `folder` into `work`; nothing where just that was done.

    `labels`: the photographs' categories; one without is routed as the service would.
    """
    recipe = {**asdict(drawn), "engine": engine(), "preprocessing": PREPROCESSING_VERSION}
    if made(work, split) == recipe:
        return
    create(work, split, (drawn.scenes, drawn.renditions, 1 + drawn.tiles, drawn.side)).flush()
    spans = [range(start, min(start + BLOCK, drawn.scenes)) for start in range(0, drawn.scenes, BLOCK)]
    with ProcessPoolExecutor(workers, mp_context=get_context("spawn"), initializer=one_thread) as pool:
        target = work / f"{split}.npy"
        jobs = [pool.submit(_render, folder, target, split, span, drawn) for span in spans]
        rows = [row for job in tqdm(jobs, desc=split, unit_scale=BLOCK) for row in job.result()]
    photos = {photo for photo, *_ in rows}
    known = {photo: labels.get(photo) or category_of(load(folder / photo)) for photo in sorted(photos)}
    notes = [(photo, known[photo], kind) for photo, kind, _, _ in rows]
    finish(work, split, recipe, np.stack([t for *_, t, _ in rows]), np.stack([w for *_, w in rows]), notes)


def one_thread() -> None:
    """Of a process that is one of several: torch would start a thread a core in each."""
    import torch

    torch.set_num_threads(1)
