"""The starter release's recipe: which data, and which run of the trainer for which member."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from idiff.types import CategoryName
from idiff_models.answer.backbones import FAMILIES
from idiff_models.answer.photos import LABELS, Split
from idiff_models.answer.release import DOMAINS
from idiff_models.answer.training import RunConfig


@dataclass(frozen=True)
class Run:
    """One run of the trainer and where it leaves its member."""

    config: RunConfig
    folder: Path


@dataclass(frozen=True)
class Plan:
    """Sizes of the data and of the two stages: a family learns from all scenes, then specialises on one category's.

    `start`: an earlier release's work folder, whose general members these go on from; from random weights where None.
    """

    start: Path | None = Path(".work/starter-5")
    train_scenes: int = 7000
    renditions: int = 4
    validation_scenes: int = 160
    validation_pairs: int = 600
    test_pairs: int = 800
    seed: int = 44
    families: tuple[str, ...] = FAMILIES
    labels: Path = LABELS
    side: int = 128
    tiles: int = 4
    batch: int = 12
    general_steps: int = 900
    general_lr: float = 1.5e-3
    special_steps: int = 60
    special_lr: float = 3e-4
    compile: bool = True

    def runs(self, work: Path, family: str) -> Iterator[Run]:
        """The general run of a family, then both specialists', which start from it. Each has a seed of its own, so that
        members err differently."""
        place = FAMILIES.index(family)
        general = member_folder(work, family, None)
        shared = {
            "cache": work / "cache",
            "family": family,
            "scale": "starter",
            "pretrained": False,
            "side": self.side,
            "batch": self.batch,
            "weight_decay": 0.05,
            "schedule": "cosine",
            "clip": 1.0,
            "compile": self.compile,
            "workers": 0,
            "threads": 1,
            "device": "cpu",
            "validation_scenes": 60,
            "validate_every": 200,
            "checkpoint_every": 100,
        }
        first = {"steps": self.general_steps, "lr": self.general_lr, "warmup": 0.06, "seed": self.seed + place}
        init = {} if self.start is None else {"init": member_folder(self.start, family, None) / "member.pt"}
        yield Run(RunConfig.model_validate({**shared, **first, **init}), general)
        special = {"steps": self.special_steps, "lr": self.special_lr, "warmup": 0.1, "init": general / "member.pt"}
        for offset, domain in enumerate(DOMAINS, 1):
            own = {"category": domain, "seed": self.seed + 100 * offset + place}
            yield Run(RunConfig.model_validate({**shared, **special, **own}), member_folder(work, family, domain))

    def provenance(self) -> dict[str, str | int | float]:
        """What a manifest says of the training."""
        return {
            "start": str(self.start) if self.start else "random weights",
            "train_scenes": self.train_scenes,
            "renditions_per_scene": self.renditions,
            "general_steps": self.general_steps,
            "specialist_steps": self.special_steps,
            "scenes_per_step": self.batch,
            "input_size": self.side,
            "seed": self.seed,
            "command": "idiff starter all",
        }


TABLES_SCENES: dict[Split, int] = {"train": 800, "validation": 80, "test": 250}


def tables_run(cache: Path) -> RunConfig:
    """What every run of the paper's tables is like when they are shown on degraded pairs: small and short."""
    return RunConfig(
        cache=cache,
        family="convnext",
        scale="starter",
        pretrained=False,
        side=128,
        steps=80,
        batch=8,
        lr=2e-3,
        weight_decay=0.05,
        schedule="cosine",
        warmup=0.1,
        clip=1.0,
        workers=0,
        threads=1,
        device="cpu",
    )


def member_folder(work: Path, family: str, domain: CategoryName | None) -> Path:
    """The run folder of a specialist, or of the family's general stage where `domain` is None."""
    return work / "runs" / f"{domain or 'general'}-{family}"
