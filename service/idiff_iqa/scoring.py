"""Views to scores: those of one size together, each metric in batches of its own."""

import logging
import math
from collections import defaultdict
from collections.abc import Iterator

import numpy as np
import torch
from torch import Tensor

from idiff.iqa.wire import Scored
from idiff.types import Image
from idiff_iqa.metrics import Metric

log = logging.getLogger(__name__)


@torch.inference_mode()
def score(metric: Metric, views: dict[str, Image], device: str) -> Scored:
    """Scores of all views by name, None for one that the metric cannot judge."""
    scores: dict[str, float | None] = dict.fromkeys(views)
    for names in _batches(views, metric.batch):
        pictures = torch.from_numpy(np.stack([views[name] for name in names])).to(device)
        try:
            values = _values(metric, pictures.permute(0, 3, 1, 2).float() / 255, len(names))
        except (RuntimeError, ValueError, AssertionError) as error:
            log.warning("%s cannot judge %s: %s", metric.name, ", ".join(names), error)
            continue
        scores |= zip(names, values, strict=True)
    return Scored(
        metric=metric.name,
        better=metric.better,
        low=metric.low,
        high=metric.high,
        licence=metric.licence,
        scores=scores,
    )


def _values(metric: Metric, pictures: Tensor, count: int) -> list[float | None]:
    values = metric.judge(pictures).float().flatten().tolist()
    if len(values) != count:
        raise ValueError(f"{len(values)} scores of {count} pictures")
    return [value if math.isfinite(value) else None for value in values]


def _batches(views: dict[str, Image], most: int) -> Iterator[list[str]]:
    sizes: dict[tuple[int, ...], list[str]] = defaultdict(list)
    for name, view in views.items():
        sizes[view.shape].append(name)
    for names in sizes.values():
        for start in range(0, len(names), most):
            yield names[start : start + most]
