"""The five backbone families of the paper: its full-size networks, and small ones that train from scratch on a CPU."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

import timm
from timm.models.efficientnet import _gen_efficientnet
from torch import Tensor, nn

Scale = Literal["full", "starter"]


@dataclass(frozen=True)
class Recipe:
    """A timm network and what it is made with."""

    name: str
    kwargs: dict[str, Any] = field(default_factory=dict)


FULL: dict[str, Recipe] = {
    "resnet": Recipe("wide_resnet50_2"),
    "efficientnet": Recipe("efficientnet_b2"),
    "convnext": Recipe("convnext_small"),
    "swin": Recipe("swinv2_small_window8_256", {"img_size": 224, "window_size": 7}),
    "maxvit": Recipe("maxvit_tiny_tf_224"),
}
"""As in the paper; input 224 px."""

STARTER: dict[str, Recipe] = {
    "resnet": Recipe("resnet10t", {"channels": (32, 64, 128, 256)}),
    "efficientnet": Recipe("efficientnet_b0", {"channel_multiplier": 0.5, "depth_multiplier": 0.5}),
    "convnext": Recipe("convnext_tiny", {"dims": (24, 48, 96, 192), "depths": (2, 2, 4, 2)}),
    "swin": Recipe(
        "swinv2_tiny_window8_256",
        {"img_size": 128, "window_size": 8, "embed_dim": 24, "depths": (2, 2, 2, 2), "num_heads": (1, 2, 4, 8)},
    ),
    "maxvit": Recipe(
        "maxvit_rmlp_pico_rw_256",
        {
            "img_size": 128,
            "embed_dim": (16, 32, 64, 128),
            "depths": (1, 1, 2, 1),
            "stem_width": 16,
            "transformer_dim_head": 16,
        },
    ),
}
"""About a million parameters each; input 128 px."""

MASKED = -60.0
"""What attention across the edges of Swin's shifted windows is lowered by. timm's -100 leaves weights that are denormal
numbers, with which a product takes ten times as long on a CPU; those of -60 vanish in fp32 just as well."""

FAMILIES = ("resnet", "maxvit", "efficientnet", "convnext", "swin")
"""Slowest to train first, so that none is left running alone at the end."""
SCALES: dict[Scale, dict[str, Recipe]] = {"full": FULL, "starter": STARTER}


class Stages(nn.Module):
    """A timm feature network whose maps always come as (n, c, h, w)."""

    def __init__(self, network: nn.Module) -> None:
        super().__init__()
        self.network = network
        self.channels: list[int] = list(network.feature_info.channels())
        self.last = str(getattr(network, "output_fmt", "")).endswith("NHWC")

    def forward(self, images: Tensor) -> list[Tensor]:
        maps = self.network(images)
        return [stage.permute(0, 3, 1, 2) for stage in maps] if self.last else list(maps)


def build(family: str, scale: Scale, pretrained: bool | Path = False, in_chans: int = 3) -> Stages:
    """The feature network of a family at a scale; pretrained stems are repeated to fit other than three channels.

    `pretrained`: timm's weights, downloaded, or of a local checkpoint.
    """
    recipe = SCALES[scale][family]
    weights: dict[str, Any] = {"pretrained": bool(pretrained)}
    if isinstance(pretrained, Path):
        weights["pretrained_cfg_overlay"] = {"file": str(pretrained)}
    # create_model fixes EfficientNet's multipliers by name; the generator behind it takes others.
    create = _gen_efficientnet if "channel_multiplier" in recipe.kwargs else timm.create_model
    network = create(recipe.name, features_only=True, in_chans=in_chans, **weights, **recipe.kwargs)
    for name, mask in network.named_buffers():
        if name.endswith("attn_mask"):
            mask.clamp_(min=MASKED)
    return Stages(network)
