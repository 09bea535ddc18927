"""Where a member's checkpoints lie, and the training of all of them."""

from concurrent.futures import ProcessPoolExecutor, as_completed
from multiprocessing import get_context
from pathlib import Path

import numpy as np
import torch

from idiff.types import CategoryName
from idiff_models.answer.cache import read
from idiff_models.answer.network import AnswerNetwork
from idiff_models.answer.photos import categories
from idiff_models.answer.starter import DOMAINS, Plan
from idiff_models.answer.training import run_stage, scenes_of


def checkpoint(work: Path, family: str, domain: CategoryName | None) -> Path:
    """The checkpoint of a specialist, or of the family's general stage where `domain` is None."""
    return work / "members" / f"{domain or 'general'}-{family}.pt"


def load_member(path: Path) -> AnswerNetwork:
    """The network of a checkpoint, in evaluation mode."""
    saved = torch.load(path, weights_only=True)
    network = AnswerNetwork(saved["family"])
    network.load_state_dict(saved["state"])
    return network.eval()


def train_general(family: str, plan: Plan, work: Path) -> None:
    """A family's general stage; nothing where its checkpoint exists, so that a stopped run resumes."""
    target = checkpoint(work, family, None)
    if target.exists():
        return
    _settle()
    train, validation = read(work / "cache", "train"), read(work / "cache", "validation")
    stage, _ = plan.stages(family)
    torch.manual_seed(stage.seed)
    network, everything = AnswerNetwork(family), np.arange(len(train.photos))
    run_stage(network, family, stage, train, everything, target, validation, np.arange(len(validation.photos)))


def train_specialists(family: str, plan: Plan, work: Path) -> None:
    """The person and the scene specialist of a family from its general stage; those that exist are skipped."""
    _settle()
    train, validation = read(work / "cache", "train"), read(work / "cache", "validation")
    _, stage = plan.stages(family)
    labels = categories(plan.labels)
    for domain in DOMAINS:
        target = checkpoint(work, family, domain)
        if not target.exists():
            network = load_member(checkpoint(work, family, None))
            scenes, held_out = (scenes_of(cache, labels, domain) for cache in (train, validation))
            run_stage(network, family, stage, train, scenes, target, validation, held_out)


def _settle() -> None:
    torch.set_num_threads(1)
    torch.use_deterministic_algorithms(True)


def train_all(plan: Plan, work: Path, workers: int) -> None:
    """Every stage of every family in processes of one thread, `workers` at a time; specialists once their base is."""
    with ProcessPoolExecutor(workers, mp_context=get_context("spawn")) as pool:
        general = {pool.submit(train_general, family, plan, work): family for family in plan.families}
        special = []
        for done in as_completed(general):
            done.result()
            special.append(pool.submit(train_specialists, general[done], plan, work))
        for done in as_completed(special):
            done.result()
