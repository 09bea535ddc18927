"""SAMA (Liu et al., "Scaling and Masking", AAAI 2024): fragments of two scales in one picture, scored by Swin V2-T.

Of a grid of 8 x 8 places every second one, as on a chessboard, shows 32 x 32 px of the picture at full size, the others
32 x 32 px of it scaled to a short side of 256 px, so that one view tells of detail and of the whole.
"""

from pathlib import Path
from typing import Any, Final

import timm
import torch
from safetensors.torch import load_file
from torch import Tensor, nn
from torch.nn.functional import interpolate
from torchvision.transforms.functional import normalize

GRID: Final = 8
WINDOW: Final = 32
SIDE: Final = GRID * WINDOW
LONGEST: Final = 16
MEAN: Final = [0.485, 0.456, 0.406]
STD: Final = [0.229, 0.224, 0.225]


def _scaled(images: Tensor, factor: float) -> Tensor:
    if factor == 1:
        return images
    size = [round(side * factor) for side in images.shape[-2:]]
    return interpolate(images, size, mode="bilinear", align_corners=False)


def _fragments(images: Tensor) -> Tensor:
    """The middle window of every cell of the grid, side by side."""
    height, width = images.shape[-2:]

    def starts(side: int) -> list[int]:
        return [side // GRID * cell + (side // GRID - WINDOW) // 2 for cell in range(GRID)]

    rows = [
        torch.cat([images[..., top : top + WINDOW, left : left + WINDOW] for left in starts(width)], -1)
        for top in starts(height)
    ]
    return torch.cat(rows, -2)


def sample(images: Tensor) -> Tensor:
    """float (N, 3, H, W) of any one size to (N, 3, 256, 256); pictures whose short side is below 256 are enlarged.

    Raises:
        ValueError: a side is more than `LONGEST` times the other: enlarged, it would fill the memory.
    """
    if max(images.shape[-2:]) > LONGEST * min(images.shape[-2:]):
        raise ValueError(f"a picture of {tuple(images.shape[-2:])} is too long to be sampled")
    images = _scaled(images, max(1.0, SIDE / min(images.shape[-2:])))
    whole = _fragments(_scaled(images, SIDE / min(images.shape[-2:])))
    cell = torch.arange(SIDE) // WINDOW
    native = (cell[:, None] + cell) % 2 == 0
    return torch.where(native.to(images.device), _fragments(images), whole)


class Sama(nn.Module):
    """RGB pictures, float (N, 3, H, W), 0-1, to scores (N,) on the scale of what it was trained on, more being better:
    the mean over the last stage's places of a head on each."""

    backbone: Any

    def __init__(self) -> None:
        super().__init__()
        backbone: Any = timm.create_model("swinv2_tiny_window8_256", pretrained=False, num_classes=0)
        self.backbone = backbone
        self.head = nn.Sequential(nn.Linear(backbone.num_features, 64), nn.GELU(), nn.Linear(64, 1))

    def forward(self, images: Tensor) -> Tensor:
        places = self.backbone.forward_features(normalize(sample(images), MEAN, STD))
        scores: Tensor = self.head(places).flatten(1).mean(1)
        return scores


def load(path: Path) -> Sama:
    """The network with the weights of a safetensors file: timm's names under `backbone.`, two linear layers under
    `head.0.` and `head.2.`.

    Raises:
        OSError, RuntimeError: it cannot be read, or has other weights.
    """
    model = Sama()
    model.load_state_dict(load_file(path))
    return model.eval()
