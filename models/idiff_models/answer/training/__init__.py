"""Training of one member from a cache: one configuration, one loop, for the paper's networks and the starter's."""

from idiff_models.answer.training.checkpoint import load_network
from idiff_models.answer.training.config import RunConfig, RunError
from idiff_models.answer.training.loop import fit
from idiff_models.answer.training.objective import accuracy, pair_loss, score
from idiff_models.answer.training.pixels import MEAN, STD, to_tensor

__all__ = ["MEAN", "STD", "RunConfig", "RunError", "accuracy", "fit", "load_network", "pair_loss", "score", "to_tensor"]
