"""The release writer: graphs, checksums and manifest of trained members, in one folder."""

import hashlib
from collections.abc import Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from datetime import UTC, datetime
from multiprocessing import get_context
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from idiff.answer.manifest import Calibration, File, Manifest, Measured, Member, Precision
from idiff.imaging import PREPROCESSING_VERSION
from idiff.types import CategoryName
from idiff_models.answer.cache import Cache
from idiff_models.answer.export import OPSET, save
from idiff_models.answer.network import EMBEDDING, AnswerNetwork
from idiff_models.answer.training import MEAN, STD, RunError, load_network, to_tensor
from idiff_models.answer.training.checkpoint import read
from idiff_models.answer.variants import export_variants

DOMAINS: tuple[CategoryName, ...] = ("person", "scene")
UNCALIBRATED = Calibration(temperature=1.0, too_close=0.5)
GATE_SCENES = 40
"""Scenes of the cache on which a member's precision is held against fp32."""


class ExportRefused(ValueError):
    """A member cannot ship as asked; the message says why."""


def gate_views(cache: Path, side: int, tiles: int) -> NDArray[np.float32]:
    """Views of held-out scenes for the gate, float32 (scenes, renditions, 1 + tiles, 3, side, side).

    A cache with fewer tiles than a member reads repeats them. Raises RunError where there is no cache.
    """
    split = "validation" if (cache / "validation.json").exists() else "train"
    try:
        stored = Cache.read(cache, split).views[:GATE_SCENES]
    except OSError as error:
        raise RunError(f"{cache}: no readable cache ({error})") from error
    edge = (stored.shape[-2] - side) // 2
    if edge < 0:
        raise RunError(f"{cache}: its views of {stored.shape[-2]} px are smaller than the {side} px a member reads")
    places = [0, *(1 + tile % (stored.shape[2] - 1) for tile in range(tiles))]
    cut = stored[:, :, places, edge : edge + side, edge : edge + side]
    return to_tensor(np.ascontiguousarray(cut)).numpy()


def describe(path: Path) -> File:
    """Name, checksum and size of a file."""
    data = path.read_bytes()
    return File(path=path.name, sha256=hashlib.sha256(data).hexdigest(), bytes=len(data))


def export_member(run: Path, folder: Path, cache: Path, precision: Precision, tiles: int) -> list[Member]:
    """Export the member of one run folder into `folder`; its record, one a category where it was trained on all.

    Raises:
        ExportRefused: the precision does not pass its gate, or the run is of another layout.
        RunError: there is no member, or no cache to hold it against.
    """
    config = read(run / "member.pt", ("config",))["config"]
    network = load_network(run / "member.pt")
    if not isinstance(network, AnswerNetwork):
        raise ExportRefused(f"{run}: the layout {config['layout']} has no encoder to ship")
    views = gate_views(cache, config["side"], tiles)
    (variant,) = export_variants(network, views, [precision])
    if variant.refused or variant.graphs is None or variant.gate is None:
        raise ExportRefused(f"{run.name}: {variant.refused}")
    encoder, head = (describe(path) for path in save(variant.graphs, folder, run.name))
    agreement = f"{variant.gate.agreement:.1%} of {variant.gate.pairs} verdicts as fp32"
    print(f"{run.name}: torch to ONNX Runtime {variant.parity:.1e} logits; {precision}: {agreement}")
    domains = [config["category"]] if config["category"] else list(DOMAINS)
    return [
        Member(
            name=run.name if len(domains) == 1 else f"{domain}-{run.name}",
            domain=domain,
            backbone=config["family"],
            encoder=encoder,
            head=head,
            input_size=config["side"],
            tiles=tiles,
            embedding=EMBEDDING,
            mean=MEAN,
            std=STD,
            opset=OPSET,
            precision=precision,
            parameters=sum(parameter.numel() for parameter in network.parameters()),
        )
        for domain in domains
    ]


def export_all(
    runs: Sequence[Path], folder: Path, cache: Path, precision: Precision, tiles: int, workers: int
) -> list[Member]:
    """Every run's graphs into `folder`, in `workers` processes, and their records; other graphs there are removed."""
    folder.mkdir(parents=True, exist_ok=True)
    for stale in folder.glob("*.onnx"):
        stale.unlink()
    with ProcessPoolExecutor(
        workers, mp_context=get_context("spawn"), initializer=torch.set_num_threads, initargs=(1,)
    ) as pool:
        jobs = [pool.submit(export_member, run, folder, cache, precision, tiles) for run in runs]
        return [member for job in jobs for member in job.result()]


def write_manifest(
    folder: Path,
    version: str,
    members: Sequence[Member],
    training: Mapping[str, str | int | float],
    calibration: Mapping[CategoryName, Calibration] | None = None,
    measured: tuple[Measured, ...] = (),
) -> Manifest:
    """Write `manifest.json`; uncalibrated where no calibration is given yet."""
    manifest = Manifest(
        version=version,
        created=datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
        preprocessing=PREPROCESSING_VERSION,
        members=tuple(members),
        calibration=dict(calibration) if calibration else dict.fromkeys(DOMAINS, UNCALIBRATED),
        measured=measured,
        training=dict(training),
    )
    (folder / "manifest.json").write_text(manifest.model_dump_json(indent=2) + "\n")
    return manifest
