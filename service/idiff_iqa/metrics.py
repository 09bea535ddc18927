"""The metrics that can be served, and how they are loaded from local files."""

import hashlib
import os
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, Literal

import torch
from torch import Tensor

PYIQA: Final = "pyiqa: PolyForm Noncommercial 1.0.0"


class Absent(Exception):
    """A metric cannot be served; the message says why."""


@dataclass(frozen=True)
class Metric:
    """`judge`: pictures of one size, float (N, 3, H, W), 0-1, N at most `batch`, to N scores. `version`: of code and
    weights."""

    name: str
    better: Literal["more", "less"]
    licence: str
    version: str
    batch: int
    judge: Callable[[Tensor], Tensor]


@dataclass(frozen=True)
class Hosted:
    """A metric of pyiqa: the files that it reads in the folder of weights, which of them it is told of by an option,
    and its batch. `sha256`: of files that pyiqa would fetch anew if they were others."""

    needs: tuple[str, ...] = ()
    options: tuple[tuple[str, str], ...] = ()
    sha256: tuple[tuple[str, str], ...] = ()
    licence: str = PYIQA
    batch: int = 16


CLIP: Final = "clip/ViT-B-32.pt"
ONE_ALIGN: Final = "huggingface/models--q-future--one-align/refs/main"

HOSTED: Final = {
    "liqe": Hosted(
        needs=("liqe_koniq.pt", CLIP),
        options=(("pretrained_model_path", "liqe_koniq.pt"),),
        sha256=((CLIP, "40d365715913c9da98579312b702a82c18be219cc2a73407c4526f58eba950af"),),
        licence=f"{PYIQA}; weights: CC BY-NC-SA 4.0",
        batch=8,
    ),
    "qalign": Hosted(needs=(ONE_ALIGN,), licence=f"{PYIQA}; weights: see q-future/one-align", batch=1),
    "piqe": Hosted(),
    "entropy": Hosted(),
}
"""The learned metrics of the paper, and two that need no weights."""

SAMA: Final = "sama.safetensors"
SAMA_LICENCE: Final = "weights: as whoever trained them says"

LICENCES: Final = {name: hosted.licence for name, hosted in HOSTED.items()} | {"sama": SAMA_LICENCE}
"""Of every metric that there is, with its weights: loaded or not."""


def load(name: str, weights: Path, device: str) -> Metric:
    """One metric, ready to judge.

    Raises:
        Absent: it is unknown, or its files are not there or cannot be used.
    """
    if name not in LICENCES:
        raise Absent(f"unknown; there are {', '.join(LICENCES)}")
    # Before anything imports huggingface_hub, which reads them once: nothing is ever fetched.
    os.environ |= {"HF_HUB_OFFLINE": "1", "HF_HUB_CACHE": str(weights / "huggingface")}
    try:
        return _sama(weights, device) if name == "sama" else _hosted(name, weights, device)
    except Absent:
        raise
    except Exception as error:  # of a third party's loader, whatever it raises
        raise Absent(f"{type(error).__name__}: {error}") from error


def _sama(weights: Path, device: str) -> Metric:
    version = _identified(weights, (SAMA,))
    from idiff_iqa import sama

    return Metric("sama", "more", SAMA_LICENCE, version, 16, sama.load(weights / SAMA).to(device))


def _hosted(name: str, weights: Path, device: str) -> Metric:
    hosted = HOSTED[name]
    identity = _identified(weights, hosted.needs)
    for file, wanted in hosted.sha256:
        if _sha256(weights / file) != wanted:
            raise Absent(f"{weights / file} is not the file that it must be: its SHA-256 is not {wanted}")
    torch.hub.set_dir(str(weights))
    with suppress(OSError):  # LIQE keeps the features of its words there, once it has made them
        (weights / "pyiqa").mkdir(exist_ok=True)
    import pyiqa
    from huggingface_hub import constants

    if not constants.HF_HUB_OFFLINE:
        raise Absent("huggingface_hub was imported before it was told to be offline")
    options = {key: str(weights / file) for key, file in hosted.options}
    model: Any = pyiqa.create_metric(name, device=torch.device(device), **options)
    better: Literal["more", "less"] = "less" if model.lower_better else "more"
    return Metric(name, better, hosted.licence, f"pyiqa {pyiqa.__version__} {identity}".strip(), hosted.batch, model)


def _identified(weights: Path, needs: tuple[str, ...]) -> str:
    """A checksum of the files; raises Absent where one is not there."""
    for file in needs:
        if not (weights / file).is_file():
            raise Absent(f"no {weights / file}")
    sums = "".join(_sha256(weights / file) for file in needs)
    return hashlib.sha256(sums.encode()).hexdigest()[:12] if needs else ""


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
