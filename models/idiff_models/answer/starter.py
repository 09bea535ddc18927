"""The starter release's recipe: which cache, which stages, for which members."""

from dataclasses import dataclass, field, replace
from pathlib import Path

from idiff.types import CategoryName
from idiff_models.answer.backbones import FAMILIES
from idiff_models.answer.photos import LABELS
from idiff_models.answer.training import Stage

DOMAINS: tuple[CategoryName, ...] = ("person", "scene")


@dataclass(frozen=True)
class Plan:
    """Sizes of the data, and the two stages of every family."""

    train_scenes: int = 12000
    train_renditions: int = 3
    validation_pairs: int = 600
    test_pairs: int = 1000
    seed: int = 42
    families: tuple[str, ...] = FAMILIES
    labels: Path = LABELS
    general: Stage = field(default_factory=lambda: Stage(steps=560, lr=1.5e-3, warmup=0.1))
    specialist: Stage = field(default_factory=lambda: Stage(steps=220, lr=8e-4))

    def stages(self, family: str) -> tuple[Stage, Stage]:
        """General and specialist stage of a family, each family with its own seed so that members err differently."""
        offset = FAMILIES.index(family)
        return replace(self.general, seed=self.seed + offset), replace(self.specialist, seed=self.seed + 100 + offset)

    def provenance(self) -> dict[str, str | int | float]:
        """What a manifest says of the training."""
        return {
            "train_scenes": self.train_scenes,
            "renditions_per_scene": self.train_renditions,
            "general_steps": self.general.steps,
            "specialist_steps": self.specialist.steps,
            "scenes_per_step": self.general.batch,
            "input_size": self.general.size,
            "seed": self.seed,
            "command": "idiff answer starter",
        }
