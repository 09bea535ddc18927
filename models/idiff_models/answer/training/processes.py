"""The processes and devices of a run: one, or those that torchrun started."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import torch
from torch import distributed

from idiff_models.answer.training.config import RunConfig, RunError


@dataclass(frozen=True)
class Place:
    """This process among the run's, and where it computes."""

    rank: int
    world: int
    device: torch.device

    @property
    def first(self) -> bool:
        """Whether this process writes."""
        return self.rank == 0

    def total(self, value: torch.Tensor) -> torch.Tensor:
        """The sum over the processes of a detached scalar."""
        if self.world > 1:
            distributed.all_reduce(value)
        return value

    def agreed(self, value: float) -> float:
        """The first process's value in all of them, once every one is here."""
        return float(self.total(torch.tensor(value if self.first else 0.0, device=self.device)))


@contextmanager
def joined(config: RunConfig) -> Iterator[Place]:
    """Join the processes of torchrun where there are any, with NCCL on GPUs and gloo on CPUs.

    Raises RunError where CUDA is asked for and absent, or where the batch is smaller than the processes.
    """
    world, local = int(os.environ.get("WORLD_SIZE", 1)), int(os.environ.get("LOCAL_RANK", 0))
    cuda = config.device != "cpu" and torch.cuda.is_available()
    if config.device == "cuda" and not cuda:
        raise RunError("device: no CUDA device is usable here")
    if config.batch % world:
        raise RunError(f"batch: {config.batch} scenes do not divide by {world} processes")
    device = torch.device("cuda", local) if cuda else torch.device("cpu")
    if config.threads:
        torch.set_num_threads(config.threads)
    if cuda:
        torch.cuda.set_device(device)
    else:
        # A CPU can repeat itself exactly; filling fresh memory, the mode's habit, costs time and decides nothing.
        torch.use_deterministic_algorithms(True)
        torch.utils.deterministic.fill_uninitialized_memory = False
    if world == 1:
        yield Place(0, 1, device)
        return
    distributed.init_process_group("nccl" if cuda else "gloo")
    try:
        yield Place(distributed.get_rank(), world, device)
    finally:
        distributed.destroy_process_group()
