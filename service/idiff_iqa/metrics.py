"""The metrics that can be served, and how they are loaded from local files."""

import os
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, Literal

import torch
from torch import Tensor

from idiff_iqa import sama

PYIQA: Final = "pyiqa: PolyForm Noncommercial 1.0.0"


class Absent(Exception):
    """A metric cannot be served; the message says why."""


@dataclass(frozen=True)
class Metric:
    """`judge`: pictures of one size, float (N, 3, H, W), 0-1, N at most `batch`, to N scores."""

    name: str
    better: Literal["more", "less"]
    low: float | None
    high: float | None
    licence: str
    batch: int
    judge: Callable[[Tensor], Tensor]


@dataclass(frozen=True)
class Hosted:
    """A metric of pyiqa: the files that it reads in the folder of weights, how it is told of them, and its batch."""

    needs: tuple[str, ...] = ()
    options: tuple[tuple[str, str], ...] = ()
    licence: str = PYIQA
    batch: int = 16


HOSTED: Final = {
    "liqe": Hosted(
        needs=("liqe_koniq.pt", "clip/ViT-B-32.pt"),
        options=(("pretrained_model_path", "liqe_koniq.pt"),),
        licence=f"{PYIQA}; weights: CC BY-NC-SA 4.0",
        batch=8,
    ),
    "qalign": Hosted(
        needs=("huggingface/models--q-future--one-align",), licence=f"{PYIQA}; weights: see q-future/one-align", batch=1
    ),
    "piqe": Hosted(),
    "entropy": Hosted(),
}
"""The learned metrics of the paper, and two that need no weights."""

LICENCE_SAMA: Final = "weights: as whoever trained them says"


def load(name: str, weights: Path, device: str) -> Metric:
    """One metric, ready to judge.

    Raises:
        Absent: it is unknown, or its files are not there or cannot be used.
    """
    if name != "sama" and name not in HOSTED:
        raise Absent(f"unknown; there are sama, {', '.join(HOSTED)}")
    needs = ("sama.safetensors",) if name == "sama" else HOSTED[name].needs
    if missing := [path for path in needs if not (weights / path).exists()]:
        raise Absent(f"no {weights / missing[0]}")
    try:
        return _sama(weights, device) if name == "sama" else _hosted(name, weights, device)
    except Exception as error:  # of a third party's loader, whatever it raises
        raise Absent(f"{type(error).__name__}: {error}") from error


def _sama(weights: Path, device: str) -> Metric:
    model = sama.load(weights / "sama.safetensors").to(device)
    return Metric("sama", "more", None, None, LICENCE_SAMA, 16, model)


def _hosted(name: str, weights: Path, device: str) -> Metric:
    # Both libraries look for their files where these say, and fetch nothing where they are told to be offline.
    os.environ |= {"HF_HUB_OFFLINE": "1", "HF_HUB_CACHE": str(weights / "huggingface")}
    torch.hub.set_dir(str(weights))
    with suppress(OSError):  # LIQE keeps the features of its words there, once it has made them
        (weights / "pyiqa").mkdir(exist_ok=True)
    import pyiqa

    hosted = HOSTED[name]
    options = {key: str(weights / file) for key, file in hosted.options}
    model: Any = pyiqa.create_metric(name, device=torch.device(device), **options)
    low, _, high = (model.score_range or "").partition(",")
    return Metric(
        name=name,
        better="less" if model.lower_better else "more",
        low=_end(low),
        high=_end(high),
        licence=hosted.licence,
        batch=hosted.batch,
        judge=model,
    )


def _end(text: str) -> float | None:
    try:
        return float(text)
    except ValueError:
        return None
