"""The release writer: graphs, checksums and manifest in one folder, complete before it replaces the old one."""

import hashlib
import json
from collections.abc import Mapping
from concurrent.futures import ProcessPoolExecutor
from datetime import UTC, datetime
from multiprocessing import get_context
from pathlib import Path

import torch

from idiff.answer.manifest import Calibration, File, Manifest, Measured, Member
from idiff.imaging import PREPROCESSING_VERSION
from idiff.types import CategoryName
from idiff_models.answer.export import OPSET, export, save
from idiff_models.answer.members import checkpoint, load_member
from idiff_models.answer.network import EMBEDDING
from idiff_models.answer.starter import DOMAINS
from idiff_models.answer.training import MEAN, STD

UNCALIBRATED = Calibration(temperature=1.0, too_close=0.5)


def describe(path: Path) -> File:
    """Name, checksum and size of a file."""
    data = path.read_bytes()
    return File(path=path.name, sha256=hashlib.sha256(data).hexdigest(), bytes=len(data))


def export_member(path: Path, folder: Path, size: int, examples: torch.Tensor | None) -> Member:
    """Export one checkpoint into `folder`; its record, with how it was checked in the log."""
    saved = torch.load(path, weights_only=True)
    network = load_member(path)
    domain = path.stem.split("-")[0]
    exported = export(network, size, examples)
    encoder, head = save(exported, folder, path.stem)
    print(f"{path.stem}: torch to ONNX Runtime {exported.parity:.1e}, fp16 storage {exported.rounding:.1e} logits")
    return Member(
        name=path.stem,
        domain="person" if domain == "person" else "scene",
        backbone=saved["family"],
        encoder=describe(encoder),
        head=describe(head),
        input_size=size,
        embedding=EMBEDDING,
        mean=MEAN,
        std=STD,
        opset=OPSET,
        parameters=sum(parameter.numel() for parameter in network.parameters()),
    )


def export_all(
    work: Path, folder: Path, examples: torch.Tensor, families: tuple[str, ...], workers: int
) -> list[Member]:
    """Every specialist's graphs into `folder`, in `workers` processes, and their records."""
    for stale in folder.glob("*.onnx"):
        stale.unlink()
    paths = [checkpoint(work, family, domain) for domain in DOMAINS for family in families]
    with ProcessPoolExecutor(
        workers, mp_context=get_context("spawn"), initializer=torch.set_num_threads, initargs=(1,)
    ) as pool:
        jobs = [pool.submit(export_member, path, folder, examples.shape[-1], examples) for path in paths]
        return [job.result() for job in jobs]


def write_manifest(
    folder: Path,
    version: str,
    members: list[Member],
    training: dict[str, str | int | float],
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
        training=training,
    )
    (folder / "manifest.json").write_text(json.dumps(manifest.model_dump(mode="json"), indent=2) + "\n")
    return manifest
