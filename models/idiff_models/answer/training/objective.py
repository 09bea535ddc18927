"""What a network is trained for and how it is scored: every known pair of a scene's renditions."""

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn.functional import binary_cross_entropy_with_logits

from idiff_models.answer.cache import Cache
from idiff_models.answer.network import AnswerNetwork
from idiff_models.answer.training.pixels import to_tensor

DECIDED = 0.1
"""Pairs whose target is nearer to one half than this have no right answer to score."""
BLOCK = 16
"""Scenes scored at once."""


class Pairs(nn.Module):
    """A network over whole scenes: views (b, K, v, 3, s, s) -> logits (b, P) of the P pairs i < j, row by row."""

    def __init__(self, network: nn.Module) -> None:
        super().__init__()
        self.network = network

    def forward(self, views: Tensor) -> Tensor:
        first, second = torch.triu_indices(views.shape[1], views.shape[1], 1)
        if not isinstance(self.network, AnswerNetwork):
            logits = self.network(views[:, first].flatten(0, 1), views[:, second].flatten(0, 1))
            return logits.float().unflatten(0, (-1, len(first)))
        embedded = self.network.encoder(views.flatten(0, 1)).float().unflatten(0, views.shape[:2])
        with torch.autocast(views.device.type, enabled=False):
            logits = self.network.head(embedded[:, first].flatten(0, 1), embedded[:, second].flatten(0, 1))
        return logits.unflatten(0, (-1, len(first)))


def upper(square: Tensor) -> Tensor:
    """The entries i < j of (b, K, K), row by row: (b, P)."""
    first, second = torch.triu_indices(square.shape[1], square.shape[1], 1)
    return square[:, first, second]


def pair_loss(logits: Tensor, targets: Tensor, weights: Tensor) -> tuple[Tensor, Tensor]:
    """Weighted cross-entropy of every known pair, summed, and the sum of its weights.

    `logits` (b, P); `targets`, `weights` (b, K, K): probability that i beats j, nan where unknown, and what it counts.
    """
    wanted, weight = upper(targets), upper(weights)
    weight = torch.where(wanted.isnan(), 0.0, weight)
    losses = binary_cross_entropy_with_logits(logits, wanted.nan_to_num(0.5), reduction="none")
    return (losses * weight).sum(), weight.sum()


def decided(cache: Cache, scenes: NDArray[np.int64]) -> tuple[NDArray[np.float32], NDArray[np.bool_]]:
    """Targets (n, P) of every pair i < j of the scenes, row by row, and which of them have a right answer."""
    wanted, weights = (upper(torch.from_numpy(square[scenes])).numpy() for square in (cache.targets, cache.weights))
    return wanted, (weights > 0) & (np.abs(np.nan_to_num(wanted, nan=0.5) - 0.5) > DECIDED)


@torch.inference_mode()
def score(network: nn.Module, cache: Cache, scenes: NDArray[np.int64], side: int) -> NDArray[np.float32]:
    """Logits (n, P) of every pair i < j of the scenes, row by row, on central cuts of all views.

    Runs where the network is, uncompiled: another batch shape would compile it anew.
    """
    judge, device = Pairs(network), next(network.parameters()).device
    edge = (cache.views.shape[-2] - side) // 2
    training = network.training
    network.eval()
    logits = []
    with torch.compiler.set_stance("force_eager"):
        for start in range(0, len(scenes), BLOCK):
            cut = cache.views[scenes[start : start + BLOCK]][..., edge : edge + side, edge : edge + side, :]
            logits.append(judge(to_tensor(cut, device)).float().cpu().numpy())
    network.train(training)
    return np.concatenate(logits)


def accuracy(network: nn.Module, cache: Cache, scenes: NDArray[np.int64], side: int) -> float:
    """Share of the decided pairs of the scenes that are judged right; nan where there are none."""
    if not len(scenes):
        return float("nan")
    wanted, known = decided(cache, scenes)
    right = score(network, cache, scenes, side) * (wanted - 0.5) > 0
    return float(right[known].mean()) if known.any() else float("nan")
