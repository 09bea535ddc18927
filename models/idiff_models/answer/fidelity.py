"""How far a rendition's structure is from its source, by full-reference metrics: the judge of unlike faults."""

import warnings
from collections.abc import Callable

import numpy as np
import piq
import torch
from numpy.typing import NDArray
from torch import Tensor

from idiff.types import Image


def _tensor(image: Image) -> Tensor:
    return torch.from_numpy(np.ascontiguousarray(image)).permute(2, 0, 1)[None].float() / 255


METRICS: dict[str, tuple[Callable[[Tensor, Tensor], Tensor], float]] = {
    "haarpsi": (lambda x, y: 1 - piq.haarpsi(x, y, data_range=1.0), 0.11),
    "mdsi": (lambda x, y: piq.mdsi(x, y, data_range=1.0) ** 2, 0.065),
    "dss": (lambda x, y: 1 - piq.dss(x, y, data_range=1.0), 0.085),
}
"""Losses, 0 for the same picture, and the engine's median one, by which they are divided: HaarPSI (Reisenhofer et al.
2018), MDSI (Nafchi et al. 2016; squared, which spreads it like the others), DSS (Balanov et al. 2015), as in `piq`."""


@torch.inference_mode()
def losses(source: Image, rendition: Image) -> NDArray[np.float32]:
    """Normalised losses of `rendition` against `source`, both uint8 RGB of one shape, one a metric of `METRICS`."""
    x, y = _tensor(source), _tensor(rendition)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # piq speaks about torch's future defaults
        values = np.array([float(metric(x, y)) / typical for metric, typical in METRICS.values()], np.float32)
    # A metric can be undefined on a flat picture: the others then speak for it.
    known = values[np.isfinite(values)]
    return np.maximum(np.where(np.isfinite(values), values, known.mean() if known.size else 0.0), 0.0)
