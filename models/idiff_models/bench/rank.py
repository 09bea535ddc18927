"""What ranking a set costs beside comparing its pairs one by one, and how far the two agree, in one run."""

import time
from collections import defaultdict
from collections.abc import Awaitable, Sequence
from dataclasses import dataclass, field
from importlib.resources import files
from itertools import combinations
from pathlib import Path
from statistics import fmean
from typing import Final, TypeVar

from idiff.api import present_ranking
from idiff.config import Settings
from idiff.engine import Engine
from idiff.metrics import Metrics
from idiff.pipeline import judge
from idiff.ranking.pipeline import rank
from idiff.ranking.schemas import Ranking
from idiff.ranking.upload import make_rank_upload
from idiff.types import Verdict
from idiff.upload import make_upload
from idiff_models.answer.photos import load
from idiff_models.bench.burst import burst
from idiff_models.bench.hardware import Hardware, hardware

T = TypeVar("T")

ROUNDS: Final = 2
"""Rankings of each set before its pairs are compared, and as many after, so that neither has the calmer machine."""


@dataclass(frozen=True)
class Spent:
    """Seconds by the clock, and of all cores together."""

    wall: float
    cores: float


@dataclass(frozen=True)
class Row:
    """Sets of so many `photos`; means over rankings and bursts. `ranking`: with its measured reason; `reading` and
    `verdicts`: the parts of it that grow with the photos, from file to encoding, and with the pairs, seconds by the
    clock. `comparing`: all pairs one after another, without rationale."""

    photos: int
    pairs: int
    ranking: Spent
    reading: float
    verdicts: float
    comparing: Spent


@dataclass(frozen=True)
class Agreement:
    """Verdicts of rankings beside those of comparisons, on `pairs`. `agreeing`: how many prefer the same photo; `sure`:
    how many comparisons are not too close, `sure_agreeing` of which prefer the same; `difference`: mean difference of
    the probabilities."""

    pairs: int
    agreeing: int
    sure: int
    sure_agreeing: int
    difference: float


@dataclass(frozen=True)
class Bench:
    """`bursts`: made, each of another photograph, in photos of so many `megapixels`."""

    release: str
    hardware: Hardware
    threads: int
    bursts: int
    megapixels: float
    rows: list[Row]
    agreement: Agreement


@dataclass(frozen=True)
class _Measured:
    """One burst: rankings by number of photos, and the comparison of each pair."""

    rankings: dict[int, list[tuple[Spent, Ranking]]] = field(default_factory=lambda: defaultdict(list))
    comparisons: dict[tuple[int, int], tuple[Spent, Verdict]] = field(default_factory=dict)


def sample() -> Path:
    """The bundled photograph."""
    return Path(str(files("idiff") / "samples" / "astronaut_a.jpg"))


async def bench(
    photographs: Sequence[Path], counts: Sequence[int], megapixels: float, seed: int, settings: Settings
) -> Bench:
    """Make a burst of each photograph, rank its first photos, as many as each of `counts`, and compare all its pairs.

    Raises:
        IdiffError: the release cannot be used.
        OSError: a photograph cannot be read.
    """
    machine, engine = hardware(), Engine.load(settings, Metrics())
    try:
        measured = [
            await _measure(list(burst(load(path), max(counts), megapixels, seed)), counts, engine)
            for path in photographs
        ]
        release = engine.serving.ensemble.manifest.version
    finally:
        await engine.close()
    rows = [_row(count, measured) for count in counts]
    return Bench(release, machine, settings.threads, len(measured), megapixels, rows, _agreement(measured))


async def _measure(photos: Sequence[bytes], counts: Sequence[int], engine: Engine) -> _Measured:
    found = _Measured()

    async def ranked(count: int) -> Ranking:
        with engine.admission.ranking(count) as places:
            order = await rank(make_rank_upload(photos[:count], {}), engine, 2 * places)
        return await present_ranking.concluded(order, engine)

    async def rankings() -> None:
        for count in [*counts] * ROUNDS:
            found.rankings[count].append(await _timed(ranked(count)))

    await ranked(counts[0])  # the first one imports what only rankings need
    await rankings()
    for a, b in combinations(range(len(photos)), 2):
        upload = make_upload({"image_a": photos[a], "image_b": photos[b]}, {"rationale": "none"})
        spent, judgement = await _timed(judge(upload, engine))
        found.comparisons[a, b] = spent, judgement.verdict
    await rankings()
    return found


async def _timed(work: Awaitable[T]) -> tuple[Spent, T]:
    wall, cores = time.perf_counter(), time.process_time()
    result = await work
    return Spent(time.perf_counter() - wall, time.process_time() - cores), result


def _row(count: int, measured: Sequence[_Measured]) -> Row:
    pairs = list(combinations(range(count), 2))
    runs = [run for one in measured for run in one.rankings[count]]
    compared = [[one.comparisons[pair][0] for pair in pairs] for one in measured]

    def stages(*names: str) -> float:
        return fmean(sum(ranking.timings_ms[name] for name in names) for _, ranking in runs) / 1000

    return Row(
        count,
        len(pairs),
        Spent(fmean(spent.wall for spent, _ in runs), fmean(spent.cores for spent, _ in runs)),
        stages("look", "align", "read"),
        stages("verdicts"),
        Spent(
            *(
                fmean(sum(getattr(spent, part) for spent in all_pairs) for all_pairs in compared)
                for part in ("wall", "cores")
            )
        ),
    )


def _agreement(measured: Sequence[_Measured]) -> Agreement:
    both = [
        (one.rankings[max(one.rankings)][0][1].probabilities[a][b], verdict)
        for one in measured
        for (a, b), (_, verdict) in one.comparisons.items()
    ]
    agree = [(ranked > 0.5) == (verdict.probability_a > 0.5) for ranked, verdict in both]
    sure = [same for same, (_, verdict) in zip(agree, both, strict=True) if not verdict.too_close]
    difference = fmean(abs(ranked - verdict.probability_a) for ranked, verdict in both)
    return Agreement(len(both), sum(agree), len(sure), sum(sure), difference)
