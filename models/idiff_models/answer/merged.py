"""The paper's baseline, for comparison only: both photos side by side in one picture, one backbone, one classifier."""

from pathlib import Path

import torch
from torch import Tensor, nn
from torch.nn.functional import avg_pool2d

from idiff_models.answer.backbones import Scale, build


class MergedNetwork(nn.Module):
    """Two photos' views, (n, 1 + tiles, 3, s, s) each -> logit (n,), positive where the left one is preferred.

    Each view of A is put left of B's and the picture squeezed to the input's square, as a merged picture is when it is
    resized like any other. Nothing makes it antisymmetric: training with either photo on the left has to teach it.
    """

    def __init__(self, family: str, scale: Scale = "full", pretrained: bool | Path = False) -> None:
        super().__init__()
        self.backbone = build(family, scale, pretrained)
        self.classify = nn.Linear(2 * self.backbone.channels[-1], 1)

    def forward(self, a: Tensor, b: Tensor) -> Tensor:
        merged = avg_pool2d(torch.cat([a, b], -1).flatten(0, 1), (1, 2))
        pooled = self.backbone(merged)[-1].mean((2, 3)).unflatten(0, a.shape[:2])
        return self.classify(torch.cat([pooled[:, 0], pooled[:, 1:].mean(1)], 1)).squeeze(1)
