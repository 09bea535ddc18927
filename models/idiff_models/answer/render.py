"""Labelled pairs rendered once to a cache: their views exactly as the service makes them."""

import hashlib
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from math import isqrt
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray
from tqdm import tqdm

from idiff.answer.routing import route
from idiff.config import Settings
from idiff.errors import IdiffError
from idiff.imaging import PREPROCESSING_VERSION, views
from idiff.imaging.decode import decode
from idiff.imaging.inputs import crop_tiles, global_input
from idiff.types import CategoryName, PhotoViews, Views
from idiff_models.answer.cache import create, finish
from idiff_models.answer.photos import detector
from idiff_models.pairs import LabelledPair, read_pairs

MAX_PIXELS: int = Settings.model_fields["max_pixels"].default


class RenderError(ValueError):
    """Pairs that cannot be rendered; the message names the file at fault."""


def see(pair: LabelledPair) -> tuple[Views, CategoryName]:
    """A pair's views and category by the service's own steps (`idiff.pipeline`), without its workers and release.

    Raises RenderError where a photo cannot be used.
    """
    fields = sorted(pair.images, key=lambda field: ("crop" in field, field))
    try:
        photos = [decode(pair.images[field].read_bytes(), field, MAX_PIXELS) for field in fields]
        if "merged_global" in pair.images:
            photos = [half for photo in photos for half in views.split(photo)]
    except (IdiffError, OSError) as error:
        raise RenderError(f"{pair.name}: {', '.join(str(pair.images[field]) for field in fields)}: {error}") from error
    left, right = photos[:2]
    global_a, global_b = views.global_view(left), views.global_view(right)
    faces_a, faces_b = ((), ()) if pair.category == "scene" else map(detector().detect, (global_a, global_b))
    category = route(faces_a, faces_b, pair.category).name
    if len(photos) == 4:
        return views.given_views(left, right, photos[2], photos[3], global_a, global_b), category
    boxes_a, boxes_b = ([face.box for face in faces] for faces in (faces_a, faces_b))
    return views.make_views(left, right, global_a, global_b, boxes_a, boxes_b), category


def pixels(photo: PhotoViews, side: int, tiles: int) -> NDArray[np.uint8]:
    """What a cache holds of a photo, uint8 (1 + tiles, side, side, 3): the global view, then the crop's windows."""
    whole = global_input(photo.global_view, side)[np.newaxis]
    return np.concatenate([whole, crop_tiles(photo.crop_view, side, tiles)])


def held_out(name: str, share: float) -> bool:
    """Whether a pair is kept for validation, fixed by a hash of its name."""
    return int(hashlib.sha256(name.encode()).hexdigest()[:12], 16) / 16**12 < share


def render(
    lists: Sequence[Path],
    folder: Path,
    side: int = 256,
    split: str = "train",
    validation_share: float = 0.0,
    tiles: int = 4,
    workers: int = 2,
    root: Path | None = None,
) -> dict[str, int]:
    """Render lists of labelled pairs (see `idiff_models.pairs.read_pairs`) into one split of the cache `folder`.

    Two renditions a scene, A and B, and 1 + `tiles` views, `tiles` a square number. `root` and `validation_share`, of
    the pairs that become the split "validation" instead of `split`, are the first list's: others, such as
    pseudo-labels, bring paths of their own and validate nothing. Unlabelled pairs are left out. Returns pairs by split.

    Raises:
        PairsError: a list cannot be read.
        RenderError: a photo cannot, no pair has a label, or `tiles` or `validation_share` make no sense.
    """
    if isqrt(tiles) ** 2 != tiles:
        raise RenderError(f"tiles: {tiles} make no square grid")
    if validation_share and split == "validation":
        raise RenderError("validation_share: all pairs become the split 'validation' already")
    first, *others = lists
    own, more = (
        [pair for path in paths for pair in read_pairs(path, below) if pair.target is not None]
        for paths, below in (([first], root), (others, None))
    )
    labelled = [*own, *more]
    for pair in labelled:
        for file in pair.images.values():
            if not file.is_file():
                raise RenderError(f"{pair.name}: no file {file}")
    parts = {split: [pair for pair in own if not held_out(pair.name, validation_share)] + more}
    if validation_share:
        parts["validation"] = [pair for pair in own if held_out(pair.name, validation_share)]
    made = {f"pairs {path.name}": f"sha256 {hashlib.sha256(path.read_bytes()).hexdigest()}" for path in lists}
    made |= {"split": split, "validation_share": str(validation_share), "preprocessing": PREPROCESSING_VERSION}
    for name, pairs in parts.items():
        if not pairs:
            raise RenderError(f"{first}: no labelled pair for the split {name!r}")
    for name, pairs in parts.items():
        _split(folder, name, pairs, (side, tiles), made, workers)
    return {name: len(pairs) for name, pairs in parts.items()}


def _split(
    folder: Path, split: str, pairs: list[LabelledPair], form: tuple[int, int], made: dict[str, str], workers: int
) -> None:
    side, tiles = form
    stored = create(folder, split, (len(pairs), 2, 1 + tiles, side))

    def one(index: int) -> CategoryName:
        seen, category = see(pairs[index])
        stored[index] = [pixels(photo, side, tiles) for photo in (seen.a, seen.b)]
        return category

    # Threads as in the service: decoding and resizing leave the interpreter's lock.
    cv2.setNumThreads(1)
    with ThreadPoolExecutor(workers) as pool:
        try:
            categories = list(tqdm(pool.map(one, range(len(pairs))), total=len(pairs), desc=split, unit="pair"))
        except BaseException:
            pool.shutdown(cancel_futures=True)
            raise
    stored.flush()
    wanted = np.array([pair.target for pair in pairs], np.float32)
    targets = np.full((len(pairs), 2, 2), np.nan, np.float32)
    targets[:, 0, 1], targets[:, 1, 0] = wanted, 1 - wanted
    weights = np.broadcast_to(1 - np.eye(2, dtype=np.float32), targets.shape)
    notes = [(pair.name, category, pair.kind) for pair, category in zip(pairs, categories, strict=True)]
    finish(folder, split, made, targets, weights, notes)
