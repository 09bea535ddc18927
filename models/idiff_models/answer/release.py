"""The release writer: graphs, checksums and manifest of trained members, in one folder."""

import tempfile
from collections.abc import Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime
from multiprocessing import get_context
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from idiff.answer.manifest import Calibration, Manifest, Member, Precision
from idiff.imaging import PREPROCESSING_VERSION
from idiff.types import CategoryName
from idiff_models.answer.cache import Cache, one_thread
from idiff_models.answer.export import OPSET, save
from idiff_models.answer.network import EMBEDDING, AnswerNetwork
from idiff_models.answer.training import MEAN, STD, RunError, load_network, to_tensor
from idiff_models.answer.training.checkpoint import read
from idiff_models.answer.variants import Variant, export_variants

DOMAINS: tuple[CategoryName, ...] = ("person", "scene")
UNCALIBRATED = Calibration(temperature=1.0, too_close=0.5)
GATE_SCENES = 40
"""Scenes of the cache on which a member's precision is held against fp32."""


INSTEAD: dict[Precision, Precision] = {"int8": "fp16"}
"""What a member ships as where it has no form of the precision asked for, or one that judges otherwise than fp32."""


class ExportRefused(ValueError):
    """A member cannot ship as asked; the message says why."""


def gate_views(cache: Path, split: str, category: CategoryName | None, side: int, tiles: int) -> NDArray[np.float32]:
    """Views of a split's scenes, of one category or of all, for the gate: float32 (scenes, renditions, 1 + tiles, 3,
    side, side).

    A cache with fewer tiles than a member reads repeats them. Raises RunError where there is no cache, or none of the
    category in it.
    """
    try:
        read = Cache.read(cache, split)
    except OSError as error:
        raise RunError(f"{cache}: no readable cache ({error})") from error
    chosen = [place for place, name in enumerate(read.categories) if category in (None, name)][:GATE_SCENES]
    if not chosen:
        raise RunError(f"{cache}: no {split} scene of category {category}")
    stored = read.views[chosen]
    edge = (stored.shape[-2] - side) // 2
    if edge < 0:
        raise RunError(f"{cache}: its views of {stored.shape[-2]} px are smaller than the {side} px a member reads")
    places = [0, *(1 + tile % (stored.shape[2] - 1) for tile in range(tiles))]
    cut = stored[:, :, places, edge : edge + side, edge : edge + side]
    return to_tensor(np.ascontiguousarray(cut)).numpy()


@dataclass(frozen=True)
class Exported:
    """A run's member: its records, one a category where it was trained on all; and its provenance in a line."""

    run: str
    members: tuple[Member, ...]
    provenance: str


def export_member(run: Path, folder: Path, cache: Path, precision: Precision, tiles: int) -> Exported:
    """Export the member of one run folder into `folder`.

    Raises:
        ExportRefused: neither the precision nor the one `INSTEAD` of it passes its gate, ONNX Runtime and torch differ,
            or the run is of another layout.
        RunError: there is no member, or no cache to hold it against.
    """
    saved = read(run / "member.pt", ("config", "steps", "accuracy"))
    config = saved["config"]
    network = load_network(run / "member.pt")
    if not isinstance(network, AnswerNetwork):
        raise ExportRefused(f"{run}: the layout {config['layout']} has no encoder to ship")
    split = "validation" if (cache / "validation.json").exists() else "train"
    views = gate_views(cache, split, config["category"], config["side"], tiles)
    variant, refusals = _first_that_passes(network, views, precision)
    if variant is None or variant.graphs is None or variant.gate is None:
        raise ExportRefused(f"{run.name}: {'; '.join(refusals)}")
    files = save(variant.graphs, folder, run.name)
    domains = [config["category"]] if config["category"] else list(DOMAINS)
    members = tuple(
        Member(
            name=run.name if len(domains) == 1 else f"{domain}-{run.name}",
            domain=domain,
            backbone=config["family"],
            **files,
            input_size=config["side"],
            tiles=tiles,
            embedding=EMBEDDING,
            mean=MEAN,
            std=STD,
            opset=OPSET,
            precision=variant.precision,
            parameters=sum(parameter.numel() for parameter in network.parameters()),
        )
        for domain in domains
    )
    facts = [
        f"{saved['steps']} steps of {config['batch']} scenes, seed {config['seed']}",
        f"validation accuracy {saved['accuracy']:.3f}",
        f"torch and ONNX Runtime differ by {variant.parity:.1e}",
        f"{variant.precision}: {variant.gate.agreement:.1%} of {variant.gate.pairs} {split} verdicts as fp32",
        *refusals,
    ]
    return Exported(run.name, members, "; ".join(facts))


def _first_that_passes(
    network: AnswerNetwork, views: NDArray[np.float32], precision: Precision
) -> tuple[Variant | None, list[str]]:
    """The member in the precision asked for or the one instead, None where neither may ship; and why others do not."""
    asked, refusals = [precision, *([INSTEAD[precision]] if precision in INSTEAD else [])], []
    try:
        for variant in export_variants(network, views, asked):
            if variant.refused is None:
                return variant, refusals
            refusals.append(f"not {variant.precision}: {variant.refused}")
    except ValueError as error:
        refusals.append(str(error))
    return None, refusals


def export_all(
    runs: Sequence[Path],
    folder: Path,
    cache: Path,
    precision: Precision,
    tiles: int,
    workers: int,
    version: str,
    training: Mapping[str, str | int | float],
) -> Manifest:
    """Every run's graphs, made in `workers` processes, and an uncalibrated manifest become the release in `folder`.

    `training`: provenance; every member's own is added. What was in the folder stays unless every member ships.
    """
    folder.mkdir(parents=True, exist_ok=True)
    with (
        tempfile.TemporaryDirectory(dir=folder, prefix=".export-") as made,
        ProcessPoolExecutor(workers, mp_context=get_context("spawn"), initializer=one_thread) as pool,
    ):
        jobs = [pool.submit(export_member, run, Path(made), cache, precision, tiles) for run in runs]
        done = [job.result() for job in jobs]
        manifest = Manifest(
            version=version,
            created=datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
            preprocessing=PREPROCESSING_VERSION,
            members=tuple(member for each in done for member in each.members),
            calibration=dict.fromkeys(DOMAINS, UNCALIBRATED),
            training={**training, **{each.run: each.provenance for each in done}},
        )
        for stale in folder.glob("*.onnx"):
            stale.unlink()
        for graph in Path(made).iterdir():
            graph.rename(folder / graph.name)
    write_manifest(folder, manifest)
    return manifest


def write_manifest(folder: Path, manifest: Manifest) -> None:
    """Write `manifest.json` into a release folder."""
    (folder / "manifest.json").write_text(manifest.model_dump_json(indent=2) + "\n")
