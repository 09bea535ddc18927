"""The training loop: one process or many, from the first step or from where a run stopped."""

from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn.parallel import DistributedDataParallel

from idiff_models.answer.cache import Cache
from idiff_models.answer.training import checkpoint
from idiff_models.answer.training.config import RunConfig, RunError
from idiff_models.answer.training.loader import batches, scenes_of
from idiff_models.answer.training.log import Log
from idiff_models.answer.training.objective import Pairs, accuracy, pair_loss
from idiff_models.answer.training.pixels import to_tensor
from idiff_models.answer.training.processes import Place, joined
from idiff_models.answer.training.state import State

SMOOTHING = 0.02


def fit(config: RunConfig, folder: Path, resume: bool = False) -> float:
    """Train one member into `folder`: `log.csv`, `last.pt` on the way, `member.pt` at the end.

    The last weights are kept, never the best on validation, which calibrates the release. Returns the validation
    accuracy, nan where the cache has no validation pairs. With `resume`, goes on from `last.pt` to the same bits as if
    it had not stopped (on one kind of machine; a GPU's own atomics aside), starts where there is none, and does nothing
    where the run is done.

    Raises:
        RunError: the configuration, the cache or a checkpoint does not allow it.
    """
    last, member = folder / checkpoint.LAST, folder / checkpoint.MEMBER
    if not resume and (last.exists() or member.exists()):
        raise RunError(f"{folder} holds a run already; resume it or choose another folder")
    if member.exists():
        done = checkpoint.read(member, ("config", "accuracy"))
        checkpoint.same(done["config"], config, member)
        return float(done["accuracy"])
    with joined(config) as place:
        cache = _open(config, "train")
        total = config.total_steps(len(scenes_of(cache, config.category)))
        folder.mkdir(parents=True, exist_ok=True)
        state = State(config, folder, place.device)
        if place.first:
            with Log(folder / "log.csv", state.step, total) as log:
                return _run(state, place, cache, total, log)
        return _run(state, place, cache, total, None)


def _run(state: State, place: Place, cache: Cache, total: int, log: Log | None) -> float:
    """The steps that are left; the first process, which has the log, also validates and writes."""
    config, scored = state.config, float("nan")
    judge, scenes = _parallel(state, place), scenes_of(cache, config.category)
    for batch in batches(config, scenes, state.step, total, place.rank, place.world):
        lr = config.rate(state.step, total)
        _update(state, place, judge, *batch, lr)
        end = state.step == total
        validated = end or state.step % config.validate_every == 0
        if log is not None:
            log.advance(config.batch * cache.views.shape[1])
            if validated or state.step % config.log_every == 0:
                scored = _validate(state, whole=end) if validated else scored
                epoch = state.step * config.batch / len(scenes)
                log.row(state.step, epoch, float(state.smooth), lr, scored if validated else None)
            if not end and state.step % config.checkpoint_every == 0:
                state.save()
    if place.first:
        state.finish(scored)
    return place.agreed(scored)


def _parallel(state: State, place: Place) -> nn.Module:
    if state.config.compile:
        # In place: parameters keep their names, and validation can leave the compiled code aside.
        getattr(state.network, "encoder", state.network).compile(dynamic=False)
    judge: nn.Module = Pairs(state.network)
    if place.world == 1:
        return judge
    if place.device.type == "cuda":
        return DistributedDataParallel(nn.SyncBatchNorm.convert_sync_batchnorm(judge), [place.device])
    return DistributedDataParallel(judge)


def _update(
    state: State, place: Place, judge: nn.Module, views: Tensor, targets: Tensor, weights: Tensor, lr: float
) -> None:
    config, device = state.config, state.device
    # Every step has its own random stream for drop path and dropout, so that a checkpoint needs to keep none.
    torch.manual_seed(int(np.random.default_rng((config.seed, state.step, place.rank)).integers(2**62)))
    with torch.autocast(device.type, torch.bfloat16, enabled=config.precision == "bf16"):
        logits = judge(to_tensor(views, device))
    summed, weight = pair_loss(logits, targets.to(device), weights.to(device))
    # Gradients are averaged over the processes: the weights must be too, for the mean over all pairs.
    loss = summed / (place.total(weight.detach().clone()) / place.world).clamp(min=1e-6)
    state.optimiser.zero_grad()
    loss.backward()
    if config.clip:
        nn.utils.clip_grad_norm_(state.network.parameters(), config.clip)
    for group in state.optimiser.param_groups:
        group["lr"] = lr
    state.optimiser.step()
    state.smooth = loss.detach() if state.step == 0 else state.smooth.lerp(loss.detach(), SMOOTHING)
    state.step += 1


def _validate(state: State, whole: bool) -> float:
    config = state.config
    if not (config.cache / "validation.json").exists():
        return float("nan")
    cache = _open(config, "validation")
    scenes = scenes_of(cache, config.category)
    every = 1 if whole else max(1, len(scenes) // config.validation_scenes)
    return accuracy(state.network, cache, scenes[::every], config.side)


def _open(config: RunConfig, split: str) -> Cache:
    try:
        cache = Cache.read(config.cache, split)
    except (OSError, ValueError, KeyError) as error:
        raise RunError(f"cache: no readable {split} split in {config.cache} ({error})") from error
    if (stored := cache.views.shape[-2]) < config.side:
        raise RunError(f"side: {config.side} px is more than the {stored} px of {config.cache}")
    return cache
