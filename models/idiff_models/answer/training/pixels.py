"""Pixels of a cache as a network reads them."""

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

MEAN = (0.485, 0.456, 0.406)
STD = (0.229, 0.224, 0.225)


def to_tensor(pixels: NDArray[np.uint8] | Tensor, device: torch.device | str = "cpu") -> Tensor:
    """Pixels uint8 (..., s, s, 3) to normalised float32 (..., 3, s, s) on `device`; bytes travel, not floats."""
    views = torch.as_tensor(pixels).to(device, non_blocking=True).movedim(-1, -3).float()
    mean, std = (torch.tensor(values, device=device).view(3, 1, 1) for values in (MEAN, STD))
    return views.mul_(1 / (255 * std)).sub_(mean / std)
