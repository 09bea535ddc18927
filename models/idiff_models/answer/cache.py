"""Training scenes rendered once to disk, shared by all members."""

import json
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from multiprocessing import get_context
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray
from tqdm import tqdm

from idiff.imaging.inputs import crop_input, global_input
from idiff_models.answer.photos import Split, photo_names, split_of
from idiff_models.answer.scenes import draw_scene

CACHE_SIDE = 144
"""Side of a cached view, pixels; training cuts its input from it at random."""

SPLIT_CODE: dict[Split, int] = {"train": 0, "validation": 1, "test": 2}
BLOCK = 25


@dataclass(frozen=True)
class Cache:
    """`views`: uint8 (scenes, renditions, 2, CACHE_SIDE, CACHE_SIDE, 3), best rendition first, global view first."""

    views: NDArray[np.uint8]
    photos: list[str]
    kinds: list[str]


def scene_seed(split: Split, index: int, seed: int) -> tuple[int, int, int]:
    """The random seed of one scene; splits never share one."""
    return seed, SPLIT_CODE[split], index


def split_names(folder: Path, split: Split) -> list[str]:
    """The photographs of a split; raises ValueError where there are none."""
    names = [name for name in photo_names(folder) if split_of(name) == split]
    if not names:
        raise ValueError(f"no {split} photographs under {folder}")
    return names


def _render(folder: Path, target: Path, split: Split, start: int, stop: int, seed: int) -> list[tuple[str, str]]:
    cv2.setNumThreads(1)
    names = split_names(folder, split)
    views = np.load(target, mmap_mode="r+")
    drawn = []
    for index in range(start, stop):
        scene = draw_scene(folder, names, views.shape[1], scene_seed(split, index, seed))
        for place, (whole, crop) in enumerate(zip(scene.global_views, scene.crop_views, strict=True)):
            views[index, place] = np.stack([global_input(whole, CACHE_SIDE), crop_input(crop, CACHE_SIDE)])
        drawn.append((scene.photo, scene.chain.kind))
    views.flush()
    return drawn


def build(folder: Path, work: Path, split: Split, count: int, length: int, seed: int, workers: int) -> None:
    """Render `count` scenes of `length` renditions into `work/<split>.npy` and `.json`; nothing where they exist."""
    target, notes = work / f"{split}.npy", work / f"{split}.json"
    made = {"count": count, "length": length, "seed": seed}
    if notes.exists() and json.loads(notes.read_text())["made"] == made:
        return
    work.mkdir(parents=True, exist_ok=True)
    shape = (count, length, 2, CACHE_SIDE, CACHE_SIDE, 3)
    np.lib.format.open_memmap(target, mode="w+", dtype=np.uint8, shape=shape).flush()
    starts = range(0, count, BLOCK)
    with ProcessPoolExecutor(workers, mp_context=get_context("spawn")) as pool:
        jobs = [pool.submit(_render, folder, target, split, s, min(s + BLOCK, count), seed) for s in starts]
        drawn = [row for job in tqdm(jobs, desc=split, unit_scale=BLOCK) for row in job.result()]
    notes.write_text(json.dumps({"made": made, "photos": [p for p, _ in drawn], "kinds": [k for _, k in drawn]}))


def read(work: Path, split: Split) -> Cache:
    """Open what `build` made; raises FileNotFoundError where it has not run."""
    notes = json.loads((work / f"{split}.json").read_text())
    return Cache(np.load(work / f"{split}.npy", mmap_mode="r"), notes["photos"], notes["kinds"])
