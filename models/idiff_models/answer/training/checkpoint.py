"""A run on disk: `last.pt` to go on from, `member.pt` when it is done."""

import os
from pathlib import Path
from typing import Any

import torch
from torch import nn

from idiff_models.answer.merged import MergedNetwork
from idiff_models.answer.network import AnswerNetwork
from idiff_models.answer.training.config import HARMLESS, RunConfig, RunError

LAYOUTS: dict[str, type[AnswerNetwork | MergedNetwork]] = {"split": AnswerNetwork, "merged": MergedNetwork}
LAST, MEMBER = "last.pt", "member.pt"


def write(content: dict[str, Any], path: Path) -> None:
    """Write whole or not at all."""
    part = path.with_suffix(".part")
    with part.open("wb") as file:
        torch.save(content, file)
        file.flush()
        os.fsync(file.fileno())
    part.replace(path)


def read(path: Path, keys: tuple[str, ...]) -> dict[str, Any]:
    """A checkpoint on the CPU; raises RunError where the file is not one."""
    try:
        content = torch.load(path, map_location="cpu", weights_only=True)
        return {key: content[key] for key in keys}
    except Exception as error:  # torch.load raises whatever the bytes lead it to
        raise RunError(f"{path}: not a checkpoint of this trainer ({type(error).__name__})") from error


def same(recorded: dict[str, Any], config: RunConfig, path: Path) -> None:
    """Raises RunError naming every key in which a checkpoint's run differs from `config`.

    A key that the checkpoint does not know had, in effect, its default.
    """
    before = {name: field.get_default() for name, field in RunConfig.model_fields.items()} | recorded
    now = config.record()
    keys = sorted(key for key in now.keys() | before.keys() if key not in HARMLESS)
    differing = [
        f"{key}: {before.get(key)} there, {now.get(key)} here" for key in keys if before.get(key) != now.get(key)
    ]
    if differing:
        raise RunError(f"{path} is of another run ({'; '.join(differing)})")


def build(config: RunConfig) -> nn.Module:
    """The network of a run before its first step, its weights decided by the seed, `pretrained` and `init`.

    Raises RunError where weights cannot be had or are of another network.
    """
    torch.manual_seed(config.seed)
    network = load_network(config.init, config) if config.init is not None else _fresh(config)
    views = torch.zeros(1, 2, 3, config.side, config.side)
    try:
        with torch.no_grad():
            network.eval()(views, views)
    except (AssertionError, RuntimeError) as error:
        raise RunError(f"side: the {config.family} network does not read {config.side} px ({error})") from error
    return network


def _fresh(config: RunConfig) -> nn.Module:
    try:
        return LAYOUTS[config.layout](config.family, config.scale, config.pretrained)
    except Exception as error:  # a hub's, a socket's or a file's
        if config.pretrained is False:
            raise
        raise RunError(f"pretrained: no weights for {config.family} ({type(error).__name__}: {error})") from error


def load_network(path: Path, wanted: RunConfig | None = None) -> nn.Module:
    """The network of a member.pt, in evaluation mode.

    Raises RunError where it is none, or is not of the layout, family and scale of `wanted`.
    """
    saved = read(path, ("layout", "family", "scale", "state"))
    for key in ("layout", "family", "scale"):
        if wanted is not None and saved[key] != getattr(wanted, key):
            raise RunError(f"init: {path} has {key} {saved[key]}, the run {getattr(wanted, key)}")
    network = LAYOUTS[saved["layout"]](saved["family"], saved["scale"], False)
    try:
        network.load_state_dict(saved["state"])
    except RuntimeError as error:
        raise RunError(f"{path}: its weights do not fit the {saved['scale']} {saved['family']} network") from error
    return network.eval()
