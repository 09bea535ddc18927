"""The four-view network: one shared encoder for every view, one antisymmetric head for the pair."""

import torch
from torch import Tensor, nn
from torch.nn.functional import pad

from idiff_models.answer.backbones import Scale, build

EMBEDDING = 128


def pooled(features: Tensor) -> Tensor:
    """Mean and log standard deviation over space, (n, c, h, w) -> (n, 2c).

    The logarithm turns a change of sharpness or noise, which scales a texture's energy, into the same difference
    whatever the content.
    """
    flat = features.float().flatten(2)
    mean = flat.mean(2)
    return torch.cat([mean, 0.5 * ((flat - mean[..., None]).square().mean(2) + 1e-5).log()], 1)


class Bands(nn.Module):
    """A picture and its two finest Laplacian bands (Burt and Adelson 1983), (n, 3, s, s) -> (n, 9, s, s).

    Faults of capture live in the fine bands, where a network trained from scratch takes long to look by itself.
    """

    def __init__(self, gain: float = 4.0) -> None:
        super().__init__()
        self.gain = gain

    def blur(self, images: Tensor, step: int) -> Tensor:
        p = pad(images, [step] * 4, mode="replicate")
        p = (p[..., : -2 * step, :] + 2 * p[..., step:-step, :] + p[..., 2 * step :, :]) / 4
        return (p[..., : -2 * step] + 2 * p[..., step:-step] + p[..., 2 * step :]) / 4

    def forward(self, images: Tensor) -> Tensor:
        soft = self.blur(images, 1)
        softer = self.blur(soft, 2)
        return torch.cat([images, self.gain * (images - soft), self.gain * (soft - softer)], 1)


class Encoder(nn.Module):
    """One photo's two views, (n, 2, 3, s, s) -> embedding (n, `EMBEDDING`).

    The backbone is shared by both views; its input and every stage are pooled, since blur and noise show in the early
    ones and content in the late ones.
    """

    def __init__(self, family: str, scale: Scale = "starter", pretrained: bool = False) -> None:
        super().__init__()
        self.bands = Bands()
        self.backbone = build(family, scale, pretrained, in_chans=9)
        width = 4 * (9 + sum(self.backbone.channels))
        self.project = nn.Sequential(nn.BatchNorm1d(width), nn.Linear(width, EMBEDDING))

    def forward(self, views: Tensor) -> Tensor:
        bands = self.bands(views.flatten(0, 1))
        stages = [bands, *self.backbone(bands)]
        return self.project(torch.cat([pooled(stage) for stage in stages], 1).reshape(views.shape[0], -1))


class Head(nn.Module):
    """Two embeddings (n, e) -> logit (n,), positive where A is preferred: g(a, b) - g(b, a), so swapping negates it."""

    def __init__(self, embedding: int = EMBEDDING, hidden: int = 64) -> None:
        super().__init__()
        self.g = nn.Sequential(nn.Linear(2 * embedding, hidden), nn.GELU(), nn.Linear(hidden, 1, bias=False))

    def forward(self, a: Tensor, b: Tensor) -> Tensor:
        return (self.g(torch.cat([a, b], 1)) - self.g(torch.cat([b, a], 1))).squeeze(1)


class AnswerNetwork(nn.Module):
    """Two photos' views, (n, 2, 3, s, s) each -> logit (n,)."""

    def __init__(self, family: str, scale: Scale = "starter", pretrained: bool = False) -> None:
        super().__init__()
        self.encoder = Encoder(family, scale, pretrained)
        self.head = Head()

    def forward(self, a: Tensor, b: Tensor) -> Tensor:
        return self.head(self.encoder(a), self.encoder(b))
