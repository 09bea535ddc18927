"""Training of one member: a general stage on every photograph, then a specialist's on one category's."""

import csv
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from itertools import combinations
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn.functional import softplus
from tqdm import tqdm

from idiff.types import CategoryName
from idiff_models.answer.backbones import STARTER
from idiff_models.answer.cache import Cache
from idiff_models.answer.network import AnswerNetwork

MEAN = (0.485, 0.456, 0.406)
STD = (0.229, 0.224, 0.225)


@dataclass(frozen=True)
class Stage:
    """Hyperparameters of one stage. `batch` counts scenes, of which each gives every pair of its renditions."""

    steps: int
    lr: float
    batch: int = 12
    weight_decay: float = 0.05
    warmup: float = 0.05
    size: int = 128
    seed: int = 42
    clip: float = 1.0


def to_tensor(pixels: NDArray[np.uint8]) -> Tensor:
    """Views uint8 (n, 2, s, s, 3) to normalised float32 (n, 2, 3, s, s)."""
    views = torch.from_numpy(np.ascontiguousarray(pixels)).permute(0, 1, 4, 2, 3).float()
    mean, std = (torch.tensor(values).view(3, 1, 1) for values in (MEAN, STD))
    return (views / 255 - mean) / std


def _batches(cache: Cache, scenes: NDArray[np.int64], stage: Stage) -> Iterator[Tensor]:
    """Endless batches (renditions * batch, 2, 3, size, size), rendition-major: random cut and flip, one per scene."""
    rng = np.random.default_rng(stage.seed)
    slack = cache.views.shape[-2] - stage.size + 1
    while True:
        order = rng.permutation(scenes)
        for start in range(0, len(order) - stage.batch + 1, stage.batch):
            cuts = []
            for scene in order[start : start + stage.batch]:
                top, left = rng.integers(slack, size=2)
                cut = cache.views[scene][..., top : top + stage.size, left : left + stage.size, :]
                cuts.append(cut[..., ::-1, :] if rng.random() < 0.5 else cut)
            views = np.stack(cuts, 1)
            yield to_tensor(views.reshape(-1, *views.shape[2:]))


def pair_loss(network: AnswerNetwork, views: Tensor, renditions: int) -> Tensor:
    """Bradley-Terry loss over every ordered pair of renditions, best first; the head makes swapping redundant."""
    embedded = network.encoder(views).unflatten(0, (renditions, -1))
    ordered = combinations(range(renditions), 2)
    losses = [softplus(-network.head(embedded[better], embedded[worse])).mean() for better, worse in ordered]
    return torch.stack(losses).mean()


@torch.inference_mode()
def accuracy(network: AnswerNetwork, cache: Cache, scenes: NDArray[np.int64], size: int) -> float:
    """Share of (best, worst) pairs judged right, on central cuts."""
    network.eval()
    edge = (cache.views.shape[-2] - size) // 2
    right = []
    for start in range(0, len(scenes), 32):
        cut = cache.views[scenes[start : start + 32]][..., edge : edge + size, edge : edge + size, :]
        right.append(network(to_tensor(cut[:, 0]), to_tensor(cut[:, -1])) > 0)
    network.train()
    return float(torch.cat(right).float().mean())


def scenes_of(cache: Cache, labels: dict[str, CategoryName] | None, category: CategoryName | None) -> NDArray[np.int64]:
    """Indices of the cached scenes whose photograph is of `category`, of all where it is None."""
    if category is None:
        return np.arange(len(cache.photos))
    if labels is None:
        raise ValueError("a specialist needs the photographs' labels")
    return np.array([i for i, photo in enumerate(cache.photos) if labels[photo] == category])


def run_stage(
    network: AnswerNetwork,
    family: str,
    stage: Stage,
    train: Cache,
    scenes: NDArray[np.int64],
    target: Path,
    validation: Cache | None = None,
    held_out: NDArray[np.int64] | None = None,
    every: int = 100,
) -> float:
    """Train `network` in place with AdamW and a cosine schedule; write `target` (.pt) and a CSV log beside it.

    Returns the final validation accuracy, nan where there is no validation set. The last weights are kept, never the
    best on validation, which calibrates the release.
    """
    torch.manual_seed(stage.seed)
    decayed = [p for p in network.parameters() if p.ndim > 1]
    plain = [p for p in network.parameters() if p.ndim <= 1]
    groups = [{"params": decayed, "weight_decay": stage.weight_decay}, {"params": plain, "weight_decay": 0.0}]
    optimiser = torch.optim.AdamW(groups, lr=stage.lr)
    schedule = torch.optim.lr_scheduler.OneCycleLR(
        optimiser, stage.lr, total_steps=stage.steps, pct_start=stage.warmup, cycle_momentum=False, div_factor=20
    )
    batches = _batches(train, scenes, stage)
    renditions, smooth, scored = train.views.shape[1], float("nan"), float("nan")
    network.train()
    target.parent.mkdir(parents=True, exist_ok=True)
    with target.with_suffix(".csv").open("w", newline="") as file, tqdm(range(stage.steps), desc=target.stem) as bar:
        log = csv.writer(file)
        log.writerow(["step", "loss", "validation_accuracy"])
        for step in bar:
            with torch.autocast("cpu", torch.bfloat16, enabled=STARTER[family].bf16):
                loss = pair_loss(network, next(batches), renditions)
            optimiser.zero_grad()
            loss.backward()
            torch.nn.utils.clip_grad_norm_(network.parameters(), stage.clip)
            optimiser.step()
            schedule.step()
            smooth = loss.item() if step == 0 else 0.98 * smooth + 0.02 * loss.item()
            if (step + 1) % every == 0 or step + 1 == stage.steps:
                if validation is not None and held_out is not None:
                    # A look on the way at a sixth of the pairs; the last one counts and sees all.
                    seen = held_out if step + 1 == stage.steps else held_out[::6]
                    scored = accuracy(network, validation, seen, stage.size)
                log.writerow([step + 1, f"{smooth:.4f}", f"{scored:.4f}"])
                file.flush()
                bar.set_postfix(loss=f"{smooth:.3f}", validation=f"{scored:.3f}")
    torch.save({"family": family, "stage": asdict(stage), "accuracy": scored, "state": network.state_dict()}, target)
    return scored
