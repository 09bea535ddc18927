"""The network of a member: one shared encoder for every view, one antisymmetric head for the pair."""

from pathlib import Path

import torch
from torch import Tensor, nn

from idiff_models.answer.backbones import Scale, build
from idiff_models.answer.frontend import Frontend, pooled

EMBEDDING = 128


class Encoder(nn.Module):
    """One photo's views, (n, 1 + tiles, 3, s, s), the global one first -> embedding (n, `EMBEDDING`).

    The backbone is shared by all views; its input and every stage are pooled, since blur and noise show in the early
    ones and content in the late ones. Tiles count as one view, by the mean of what is pooled.
    """

    def __init__(self, family: str, scale: Scale = "starter", pretrained: bool | Path = False) -> None:
        super().__init__()
        self.frontend = Frontend()
        self.backbone = build(family, scale, pretrained, in_chans=self.frontend.channels)
        width = 2 * (self.frontend.width + 2 * sum(self.backbone.channels))
        self.project = nn.Sequential(nn.BatchNorm1d(width), nn.Linear(width, EMBEDDING))

    def forward(self, views: Tensor) -> Tensor:
        return self.embed(*self.frontend(views))

    def embed(self, maps: Tensor, statistics: Tensor) -> Tensor:
        """What the front end gives, maps (n, v, c, s, s) and statistics (n, v, k) -> embedding (n, `EMBEDDING`)."""
        stages = torch.cat([pooled(stage) for stage in self.backbone(maps.flatten(0, 1))], 1)
        pools = torch.cat([statistics, stages.unflatten(0, (-1, maps.shape[1]))], 2)
        return self.project(torch.cat([pools[:, 0], pools[:, 1:].mean(1)], 1))


class Head(nn.Module):
    """Two embeddings (n, e) -> logit (n,), positive where A is preferred: g(a, b) - g(b, a), so swapping negates it."""

    def __init__(self, embedding: int = EMBEDDING, hidden: int = 64) -> None:
        super().__init__()
        self.g = nn.Sequential(nn.Linear(2 * embedding, hidden), nn.GELU(), nn.Linear(hidden, 1, bias=False))

    def forward(self, a: Tensor, b: Tensor) -> Tensor:
        return (self.g(torch.cat([a, b], 1)) - self.g(torch.cat([b, a], 1))).squeeze(1)


class AnswerNetwork(nn.Module):
    """Two photos' views, (n, 1 + tiles, 3, s, s) each -> logit (n,)."""

    def __init__(self, family: str, scale: Scale = "starter", pretrained: bool | Path = False) -> None:
        super().__init__()
        self.encoder = Encoder(family, scale, pretrained)
        self.head = Head()

    def forward(self, a: Tensor, b: Tensor) -> Tensor:
        return self.head(self.encoder(a), self.encoder(b))
