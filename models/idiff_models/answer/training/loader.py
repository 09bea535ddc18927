"""Batches from a cache. What a sample looks like is decided by (seed, epoch, scene) alone, whoever loads it."""

from collections.abc import Iterable, Iterator
from functools import cached_property
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.utils.data import DataLoader, Dataset

from idiff.types import CategoryName
from idiff_models.answer.cache import Cache
from idiff_models.answer.training.config import RunConfig

ORDER, SAMPLE = 0, 1
"""First words of the two random streams' seeds."""

Keys = list[tuple[int, int]]


class Batch(NamedTuple):
    """`views` uint8 (b, K, v, s, s, 3), `targets` and `weights` float32 (b, K, K); nan targets are unknown."""

    views: Tensor
    targets: Tensor
    weights: Tensor


def scenes_of(cache: Cache, category: CategoryName | None) -> NDArray[np.int64]:
    """Indices of the scenes of a category, of all where it is None."""
    return np.array([i for i, name in enumerate(cache.categories) if category in (None, name)], np.int64)


class Augmented(Dataset[Batch]):
    """Batches by their keys (epoch, scene): one cut and flip a scene, some of its tiles, renditions in any order.

    The order matters to a network that is not antisymmetric, and keeps the first place from meaning anything.
    """

    def __init__(self, folder: Path, side: int, tiles: int, seed: int) -> None:
        self.folder, self.side, self.tiles, self.seed = folder, side, tiles, seed

    @cached_property
    def cache(self) -> Cache:
        """Opened where it is read: a worker process that is spawned must not get a copy of the pixels."""
        return Cache.read(self.folder, "train")

    def __getitem__(self, keys: Keys) -> Batch:
        parts = zip(*(self.sample(epoch, scene) for epoch, scene in keys), strict=True)
        return Batch(*(torch.from_numpy(np.stack(part)) for part in parts))

    def sample(self, epoch: int, scene: int) -> tuple[NDArray[np.uint8], NDArray[np.float32], NDArray[np.float32]]:
        """Views uint8 (K, 1 + tiles, side, side, 3), targets and weights float32 (K, K) of one scene."""
        rng = np.random.default_rng((SAMPLE, self.seed, epoch, scene))
        stored = self.cache.views[scene]
        renditions, views, cached = stored.shape[:3]
        top, left = rng.integers(cached - self.side + 1, size=2)
        order = rng.permutation(renditions)
        tiles = 1 + rng.permutation(views - 1)[: self.tiles]
        rows, columns = slice(top, top + self.side), slice(left, left + self.side)
        if rng.random() < 0.5:
            columns = slice(left + self.side - 1, left - 1 if left else None, -1)
        cut = np.stack([np.stack([stored[r, v, rows, columns] for v in (0, *tiles)]) for r in order])
        square = np.ix_(order, order)
        return cut, self.cache.targets[scene][square], self.cache.weights[scene][square]


class Order(Iterable[Keys]):
    """The keys of this process's share of every batch from step `start` to `stop`; an epoch's rest is left out."""

    def __init__(
        self, scenes: NDArray[np.int64], config: RunConfig, start: int, stop: int, rank: int, world: int
    ) -> None:
        self.scenes, self.config, self.start, self.stop = scenes, config, start, stop
        self.rank, self.world = rank, world

    def __iter__(self) -> Iterator[Keys]:
        batch = self.config.batch
        steps = len(self.scenes) // batch
        known, order = -1, self.scenes
        for step in range(self.start, self.stop):
            epoch, place = divmod(step, steps)
            if epoch != known:
                known = epoch
                order = np.random.default_rng((ORDER, self.config.seed, epoch)).permutation(self.scenes)
            mine = order[place * batch : (place + 1) * batch][self.rank :: self.world]
            yield [(epoch, int(scene)) for scene in mine]


def batches(
    config: RunConfig, scenes: NDArray[np.int64], start: int, stop: int, rank: int = 0, world: int = 1
) -> DataLoader[Batch]:
    """This process's batches of the steps `start` to `stop`."""
    return DataLoader(
        Augmented(config.cache, config.side, config.tiles_per_step, config.seed),
        batch_size=None,
        sampler=Order(scenes, config, start, stop, rank, world),
        num_workers=config.workers,
        pin_memory=config.workers > 0 and torch.cuda.is_available(),
        # Its own generator: opening a loader must not move the network's random stream.
        generator=torch.Generator(),
    )
