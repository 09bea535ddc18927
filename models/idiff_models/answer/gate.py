"""Whether another form of a member judges like its fp32 graphs: what decides if it may ship."""

from dataclasses import dataclass
from itertools import combinations

import numpy as np
from numpy.typing import NDArray

from idiff.answer.manifest import Precision
from idiff.config import Provider
from idiff_models.answer.export import Graphs, session

LEAST_AGREEMENT: dict[Precision, float] = {"fp32": 1.0, "fp16": 0.99, "fp16-compute": 0.99, "int8": 0.97}
"""Least share of pairs on which a precision prefers the photo that fp32 prefers. Every pair counts, near ties too."""


@dataclass(frozen=True)
class GateResult:
    """How a variant's verdicts compare with fp32's over `pairs` pairs; it may ship where `passed`."""

    pairs: int
    agreement: float
    passed: bool


def gate(
    reference: Graphs, variant: Graphs, views: NDArray[np.float32], precision: Precision, provider: Provider = "cpu"
) -> GateResult:
    """Compare the verdicts of a member's fp32 graphs, on the CPU, and of a variant, on `provider`.

    `views`: float32 (scenes, renditions, v, 3, s, s), normalised; every two renditions of a scene are a pair. Photos
    are encoded one a call, as the service does: int8 scales depend on what else is in the call.

    Raises:
        ValueError: fewer than two renditions, so no pair.
        ReleaseRefused: the variant cannot run on `provider`.
    """
    truth, logits = logits_of(reference, views), logits_of(variant, views, provider)
    agreement = float((np.sign(truth) == np.sign(logits)).mean())
    return GateResult(truth.size, agreement, agreement >= LEAST_AGREEMENT[precision])


def logits_of(graphs: Graphs, views: NDArray[np.float32], provider: Provider = "cpu") -> NDArray[np.float32]:
    """Logits (pairs,) of every two renditions of every scene, one photo an encoder call; `views` as for `gate`."""
    if views.shape[1] < 2:
        raise ValueError("a pair needs two renditions of a scene")
    encode, head = graphs.encoding(provider), session(graphs.head, provider)
    logits = []
    for scene in views:
        embedded = np.concatenate([encode(photo[np.newaxis]) for photo in scene])
        first, second = zip(*combinations(range(len(scene)), 2), strict=True)
        logits.append(head(a=embedded[list(first)], b=embedded[list(second)]))
    return np.concatenate(logits)
