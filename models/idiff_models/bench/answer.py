"""The Answer Model's cost: every member and the ensemble of each category, by batch; the paper's Table 7."""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Executor, ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from importlib.resources import files
from pathlib import Path

import cv2
import numpy as np

from idiff.answer.ensemble import Ensemble
from idiff.answer.reader import Reader, readers
from idiff.answer.release import load
from idiff.answer.session import PROVIDERS, Tensor
from idiff.answer.specialist import Specialist
from idiff.config import Provider
from idiff.imaging.decode import decode
from idiff.imaging.inputs import model_input
from idiff.imaging.views import global_view, make_views
from idiff.types import Category, CategoryName, Verdict, Views
from idiff_models.bench.hardware import Hardware, hardware, resident_mb
from idiff_models.bench.timing import Timing, measure

MOST_PIXELS = 64_000_000


@dataclass(frozen=True)
class Row:
    """One line of the table. `name`: a member, `<category> ensemble`, or `<category> judge`, which is the service's own
    call of one pair: model inputs, the ensemble in its threads, one photo a call, and the vote."""

    name: str
    backbone: str
    precision: str
    batch: int
    timing: Timing


@dataclass(frozen=True)
class Bench:
    """`provider`: the execution provider that every graph ran on. `loaded_mb`: memory that loading the release took."""

    release: str
    folder: str
    hardware: Hardware
    provider: str
    threads: int
    repeats: int
    loaded_mb: float | None
    rows: list[Row]


def bench(folder: Path, provider: Provider, batches: Sequence[int], threads: int, repeats: int) -> Bench:
    """Measure the release in `folder` on the bundled sample pair, with a pool of `threads`, one a graph.

    A batch of n pairs is one encoder call of n photos A, one of n photos B, and one head call; an ensemble spreads its
    members' calls over the pool.

    Raises:
        ReleaseRefused: the release is not whole, or a graph would not run on `provider`.
    """
    machine, views = hardware(), sample_views()  # before loading, which would count itself
    cv2.setNumThreads(1)
    with ThreadPoolExecutor(threads) as pool:
        before = resident_mb()
        release = load(folder)
        reader = readers(release, provider)
        specialists = [Specialist.load(m, release, reader[m.name], provider) for m in release.manifest.members]
        ensemble = Ensemble(release.manifest, specialists)  # warms every graph
        after = resident_mb()
        if ensemble.origin.providers != (PROVIDERS[provider],):
            raise RuntimeError(f"graphs run on {', '.join(ensemble.origin.providers)}, not on {PROVIDERS[provider]}")
        rows = _rows(specialists, ensemble, views, batches, pool, repeats)
    return Bench(
        release=release.manifest.version,
        folder=folder.name,
        hardware=machine,
        provider=ensemble.origin.providers[0],
        threads=threads,
        repeats=repeats,
        loaded_mb=None if before is None or after is None else round(after - before, 1),
        rows=rows,
    )


def sample_views() -> Views:
    """The bundled sample pair as the service sees it."""
    samples = files("idiff") / "samples"
    a, b = (
        decode((samples / f"astronaut_{side}.jpg").read_bytes(), f"image_{side}", MOST_PIXELS) for side in ("a", "b")
    )
    return make_views(a, b, global_view(a), global_view(b), [], [])


def _rows(
    specialists: Sequence[Specialist],
    ensemble: Ensemble,
    views: Views,
    batches: Sequence[int],
    pool: Executor,
    repeats: int,
) -> list[Row]:
    jobs: dict[tuple[str, str, str, int], Callable[[], object]] = {}
    votes = {
        category: [one for one in specialists if one.member.domain == category]
        for category in ensemble.manifest.calibration
    }
    for batch in batches:
        inputs = {reader: _inputs(reader, views, batch) for reader in {one.reader for one in specialists}}
        for one in specialists:
            member = one.member
            jobs[member.name, member.backbone, member.precision, batch] = partial(_alone, one, inputs[one.reader])
        for category, voters in votes.items():
            jobs[f"{category} ensemble", *_members(voters), batch] = partial(_together, voters, inputs, pool)
    for category, voters in votes.items():
        jobs[f"{category} judge", *_members(voters), 1] = partial(_judge, ensemble, views, category, pool)
    timings = measure(jobs, {key: key[-1] for key in jobs}, repeats)
    return [Row(*key, timing=timing) for key, timing in timings.items()]


def _members(voters: Sequence[Specialist]) -> tuple[str, str]:
    return f"{len(voters)} members", "/".join(sorted({one.member.precision for one in voters}))


def _inputs(reader: Reader, views: Views, batch: int) -> list[Tensor]:
    """Photos A and B, float32 (batch, views, 3, side, side) each."""
    photos = [model_input(p.global_view, p.crop_view, *reader.kind) for p in (views.a, views.b)]
    return [np.repeat(photo[np.newaxis], batch, 0) for photo in photos]


def _alone(specialist: Specialist, inputs: Sequence[Tensor]) -> Tensor:
    a, b = (specialist.encode(specialist.reader.prepare(photos)) for photos in inputs)
    return specialist.head(a=a, b=b)


def _together(voters: Sequence[Specialist], inputs: Mapping[Reader, Sequence[Tensor]], pool: Executor) -> list[Tensor]:
    read = {reader: list(pool.map(reader.prepare, inputs[reader])) for reader in {one.reader for one in voters}}
    jobs = [(one, [pool.submit(one.encode, photos) for photos in read[one.reader]]) for one in voters]
    return [one.head(a=a.result(), b=b.result()) for one, (a, b) in jobs]


def _judge(ensemble: Ensemble, views: Views, category: CategoryName, pool: Executor) -> Verdict:
    return asyncio.run(ensemble.judge(views, Category(category, "given", None), pool))
