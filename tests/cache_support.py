"""A small cache that any network learns at once."""

from pathlib import Path

import numpy as np

from idiff_models.answer.cache import create, finish

SIDE = 128


def bright_cache(folder: Path) -> Path:
    """Noise pictures of which the brighter one is the better, in three splits."""
    rng = np.random.default_rng(0)
    for split, count in (("train", 12), ("validation", 6), ("test", 8)):
        views = create(folder, split, (count, 2, 2, SIDE))
        targets = np.full((count, 2, 2), 0.5, np.float32)
        for index in range(count):
            better = index % 2
            for place in (0, 1):
                level = 150 if place == better else 90
                views[index, place] = rng.normal(level, 30, (2, SIDE, SIDE, 3)).clip(0, 255)
            targets[index, better, 1 - better], targets[index, 1 - better, better] = 1, 0
        views.flush()
        weights = np.broadcast_to(1 - np.eye(2, dtype=np.float32), targets.shape)
        notes = [(f"{split}-{index}", "person" if index % 4 < 2 else "scene", "bright") for index in range(count)]
        finish(folder, split, {}, targets, weights, notes)
    return folder
