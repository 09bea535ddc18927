"""How the measured features of a release's pictures are distributed, for the service to notice other ones."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from idiff.answer.manifest import Distribution, Reference
from idiff.types import PhotoFeatures

FEWEST = 400
"""Photos below which chance alone would look like drift: ten bins of so many differ from their truth by a population
stability index of 9 / 400 on average."""
DECILES = np.arange(1, 10) / 10


def reference_of(photos: Sequence[PhotoFeatures], data: str) -> Reference | None:
    """The deciles of every feature of `photos`, which are `data`; None where they are fewer than `FEWEST`."""
    if len(photos) < FEWEST:
        return None
    rows = [photo.named for photo in photos]
    features = {name: _distribution(np.array([row[name] for row in rows])) for name in rows[0]}
    return Reference(data=data, photos=len(photos), features=features)


def _distribution(values: NDArray[np.float64]) -> Distribution:
    """Ten bins of equal shares, or fewer where many values are the same; the least value has a bin of its own where it
    alone is a tenth or more, as 0 is of clipped pixels."""
    edges = np.quantile(values, DECILES, method="inverted_cdf")
    above = values[values > values.min()]
    edges = np.unique(np.where(edges > values.min(), edges, above.min())) if above.size else above
    counts = np.bincount(np.searchsorted(edges, values, side="right"), minlength=len(edges) + 1)
    return Distribution(edges=tuple(edges.tolist()), shares=tuple((counts / len(values)).round(6).tolist()))
