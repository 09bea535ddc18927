"""What a network is handed besides the pixels: fine bands, their local energy, and how tones and colours are spread.

Faults of capture and processing live there, where a network trained from scratch takes long to look by itself.
"""

import torch
from torch import Tensor, nn
from torch.nn.functional import avg_pool2d, pad

GAIN = 4.0
"""By which bands are enlarged, so that they are about as large as the picture."""
BLOCK = 4
"""Side of the blocks whose energy is taken, pixels; views are multiples of it."""
FAINTEST = 3e-5
"""Local energy added before the logarithm: a third of a code value, squared, in normalised units."""
GRID = 8
"""Side of the blocks of JPEG and its kin, pixels."""
TONES = 10
DARKEST, LIGHTEST = -2.1, 2.5
"""Range of normalised luma."""


def pooled(features: Tensor) -> Tensor:
    """Mean and log standard deviation over space, (n, c, h, w) -> (n, 2c).

    The logarithm turns a change of sharpness or noise, which scales a texture's energy, into the same difference
    whatever the content.
    """
    values = features.float().flatten(2)
    mean = values.mean(2)
    return torch.cat([mean, 0.5 * ((values - mean[..., None]).square().mean(2) + 1e-5).log()], 1)


def _blur(images: Tensor, step: int) -> Tensor:
    p = pad(images, [step] * 4, mode="replicate")
    p = (p[..., : -2 * step, :] + 2 * p[..., step:-step, :] + p[..., 2 * step :, :]) / 4
    return (p[..., : -2 * step] + 2 * p[..., step:-step] + p[..., 2 * step :]) / 4


def _energy(bands: Tensor) -> Tensor:
    """Log of the mean square of every block, (n, c, h, w) -> (n, c, h / `BLOCK`, w / `BLOCK`), about -1.5 to 2."""
    return ((avg_pool2d(bands.square(), BLOCK) + FAINTEST).log() + 6) / 3


def _spread(blocks: Tensor) -> Tensor:
    """Every block's value at each of its pixels."""
    n, c, h, w = blocks.shape
    spread = blocks[:, :, :, None, :, None].expand(n, c, h, BLOCK, w, BLOCK)
    return spread.reshape(n, c, h * BLOCK, w * BLOCK)


def _floor_and_peak(energy: Tensor) -> Tensor:
    """Harmonic and arithmetic mean of the local energy, as logarithms, (n, c, h, w) -> (n, 2c).

    Noise lifts the floor, denoising lowers it, blur takes the peaks, sharpening lifts them.
    """
    flat = 3 * energy.flatten(2)
    count = torch.tensor(flat.shape[2], dtype=flat.dtype).log()
    return torch.cat([count - (-flat).logsumexp(2), flat.logsumexp(2) - count], 1) / 3


def _steps(luma: Tensor) -> Tensor:
    """How much the steps between neighbouring pixels differ by their place on an 8 px grid, (n, h, w) -> (n, 4).

    Log of the mean step at each of the eight phases against its two neighbours', in each direction: the greatest says
    that blocks meet there (blockiness, Wang et al. 2002, wherever the grid starts), the least is its counterpart.
    """
    found = []
    for picture in (luma, luma.transpose(1, 2)):
        step = (picture[..., 1:] - picture[..., :-1]).abs().mean(1)
        whole = step.shape[1] // GRID * GRID
        level = (step[:, :whole].unflatten(1, (-1, GRID)).mean(1) + 1e-3).log()
        phases = level - (level.roll(1, 1) + level.roll(-1, 1)) / 2
        found += [phases.amax(1), phases.amin(1)]
    return torch.stack(found, 1)


class Frontend(nn.Module):
    """Normalised pictures (n, v, 3, s, s) -> maps (n, v, `channels`, s, s) for the backbone, and statistics
    (n, v, `width`). Nothing in it is trained, so members that read the same views share what it gives.

    Maps: the picture, its two finest Laplacian bands (Burt and Adelson 1983), the log local energy of luma in three
    bands and of colour in one. Statistics: the maps pooled, floor and peak of the energies, a soft histogram of luma,
    strength and spread of colour, blockiness.
    """

    channels = 13
    width = 2 * channels + 8 + TONES + 6 + 4

    def forward(self, views: Tensor) -> tuple[Tensor, Tensor]:
        images = views.flatten(0, 1).float()
        soft = _blur(images, 1)
        softer = _blur(soft, 2)
        fine, middle = images - soft, soft - softer
        luma = softer.mean(1, keepdim=True)
        coarse = luma - _blur(luma, 4)
        hue = (fine + middle)[:, :1] - (fine + middle)[:, 2:]
        energy = _energy(torch.cat([fine.mean(1, keepdim=True), middle.mean(1, keepdim=True), coarse, hue], 1))
        bands = torch.cat([images, GAIN * fine, GAIN * middle], 1)
        maps = torch.cat([bands, _spread(energy)], 1)
        statistics = [pooled(bands), pooled(energy), _floor_and_peak(energy), self._tones(images), self._colours(soft)]
        together = torch.cat([*statistics, _steps(images.mean(1))], 1)
        return maps.unflatten(0, (-1, views.shape[1])), together.unflatten(0, (-1, views.shape[1]))

    def _tones(self, images: Tensor) -> Tensor:
        centres = torch.linspace(DARKEST, LIGHTEST, TONES, device=images.device).view(1, TONES, 1)
        luma = images.mean(1).flatten(1)[:, None]
        return (1 - (luma - centres).abs() * ((TONES - 1) / (LIGHTEST - DARKEST))).clamp(min=0).mean(2)

    def _colours(self, images: Tensor) -> Tensor:
        red, green, blue = images.unbind(1)
        opponents = torch.stack([red - green, (red + green) / 2 - blue], 1)
        strength = opponents.square().sum(1, keepdim=True).add(1e-4).sqrt()
        return torch.cat([pooled(opponents), pooled(strength)], 1)
