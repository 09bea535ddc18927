"""A release of untrained members: it judges nothing, and takes as long as a trained one of the same size."""

from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

import torch

from idiff.answer.manifest import Manifest, Member, Precision
from idiff.imaging import PREPROCESSING_VERSION
from idiff_models.answer.backbones import FAMILIES, Scale
from idiff_models.answer.export import OPSET, save, trace
from idiff_models.answer.network import EMBEDDING, AnswerNetwork
from idiff_models.answer.precision import FORMS
from idiff_models.answer.release import DOMAINS, UNCALIBRATED, write_manifest
from idiff_models.answer.training import MEAN, STD

SIDES: Final[dict[Scale, int]] = {"full": 224, "starter": 128}
"""Of a view, pixels."""
SEED: Final = 42


def write(
    folder: Path, scale: Scale, precision: Precision, tiles: int, tell: Callable[[str], object] = print
) -> Manifest:
    """One member of each family with random weights, voting on both categories, in the new folder `folder`.

    Raises:
        FileExistsError: `folder` is there.
        ValueError: a family has no form of that precision.
    """
    folder.mkdir(parents=True)
    torch.manual_seed(SEED)
    members = []
    for family in FAMILIES:
        members += _members(family, folder, scale, precision, tiles)
        tell(f"{family}: {members[-1].parameters / 1e6:.1f} million parameters, {members[-1].megabytes:.0f} MB")
    manifest = Manifest(
        version=f"untrained-{scale}-{precision}",
        created=datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
        preprocessing=PREPROCESSING_VERSION,
        members=tuple(members),
        calibration=dict.fromkeys(DOMAINS, UNCALIBRATED),
        training={"command": "idiff bench untrained", "note": "random weights: for timing only", "seed": SEED},
    )
    write_manifest(folder, manifest)
    return manifest


def _members(family: str, folder: Path, scale: Scale, precision: Precision, tiles: int) -> list[Member]:
    network, side = AnswerNetwork(family, scale), SIDES[scale]
    graphs, _ = trace(network, torch.randn(4, 1 + tiles, 3, side, side))
    files = save(FORMS[precision](graphs), folder, family)
    parameters = sum(parameter.numel() for parameter in network.parameters())
    return [
        Member(
            name=f"{domain}-{family}",
            domain=domain,
            backbone=family,
            **files,
            input_size=side,
            tiles=tiles,
            embedding=EMBEDDING,
            mean=MEAN,
            std=STD,
            opset=OPSET,
            precision=precision,
            parameters=parameters,
        )
        for domain in DOMAINS
    ]
