"""A member's exports in the precisions asked for, each with what the gate says of it."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray

from idiff.answer.manifest import Precision
from idiff.config import Provider
from idiff_models.answer.export import Graphs, trace
from idiff_models.answer.gate import LEAST_AGREEMENT, GateResult, gate
from idiff_models.answer.network import AnswerNetwork
from idiff_models.answer.precision import FORMS

EXAMPLES = 4
"""Photos on which torch and ONNX Runtime are compared."""


@dataclass(frozen=True)
class Variant:
    """A member in one precision. `parity`: worst logit difference of its fp32 graphs from torch's.

    It may ship where `refused` is None, else that says why not; `graphs` and `gate` are None where the network has no
    form of that precision.
    """

    precision: Precision
    graphs: Graphs | None
    parity: float
    gate: GateResult | None
    refused: str | None


def export_variants(
    network: AnswerNetwork, views: NDArray[np.float32], precisions: Sequence[Precision], provider: Provider = "cpu"
) -> Iterator[Variant]:
    """Trace a network once and yield its variants in turn, so that no more than one is held beside the fp32 graphs.

    `views`: float32 (scenes, renditions, v, 3, s, s), normalised, real photos: every two renditions of a scene are a
    pair of the gate, and the first photos fix v and s and are compared with torch. `provider` runs the variants.

    Raises:
        ValueError: ONNX Runtime and torch differ by more than `PARITY`, or swapping does not negate the logit.
        ReleaseRefused: a variant cannot run on `provider`.
    """
    fp32, parity = trace(network, torch.from_numpy(views.reshape(-1, *views.shape[2:])[:EXAMPLES]))
    for precision in precisions:
        try:
            graphs = FORMS[precision](fp32)
        except ValueError as error:
            yield Variant(precision, None, parity, None, str(error))
        else:
            result = gate(fp32, graphs, views, precision, provider)
            yield Variant(precision, graphs, parity, result, _refusal(precision, result))


def _refusal(precision: Precision, result: GateResult) -> str | None:
    if result.passed:
        return None
    return (
        f"{precision} agrees with fp32 on {result.agreement:.1%} of {result.pairs} pairs, "
        f"less than the {LEAST_AGREEMENT[precision]:.0%} required"
    )
