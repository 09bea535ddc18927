"""A release's opinion, and every statistic's, of held-out pairs; judged by the code that serves."""

import asyncio
import json
from collections.abc import Iterable
from concurrent.futures import Executor, ProcessPoolExecutor, ThreadPoolExecutor
from dataclasses import asdict, dataclass
from multiprocessing import get_context
from pathlib import Path

import cv2
import numpy as np
from tqdm import tqdm

from idiff.answer.ensemble import Ensemble
from idiff.answer.release import load
from idiff.features.cv import measure
from idiff.imaging.align import IDENTITY
from idiff.types import Alignment, Category, Verdict, Views
from idiff_models.answer.photos import Split, categories
from idiff_models.evaluate.samples import Sample, draw_samples

BLOCK = 20
ALIGNED = Alignment("identity", IDENTITY, 0, same_scene=True)


@dataclass(frozen=True)
class Judged:
    """One pair's outcome, all signed towards the better photo, so that a positive number is a right answer.

    `logit`: of the ensemble before calibration. `votes`: log odds of each member. `statistics`: better minus worse, of
    the crop (`crop.`) and the global view (`global.`).
    """

    photo: str
    category: str
    kind: str
    logit: float
    votes: dict[str, float]
    statistics: dict[str, float]


def _verdict(sample: Sample, ensemble: Ensemble, pool: Executor) -> Verdict:
    views = Views(sample.a, sample.b, "given", ALIGNED, ())
    return asyncio.run(ensemble.judge(views, Category(sample.category, "given", None), pool))


def _differences(sample: Sample, sign: int) -> dict[str, float]:
    differences: dict[str, float] = {}
    for view in ("crop", "global"):
        a, b = (asdict(measure(getattr(photo, f"{view}_view"))) for photo in (sample.a, sample.b))
        differences |= {f"{view}.{name}": sign * (a[name] - b[name]) for name in a}
    return differences


def judge(samples: Iterable[Sample], release: Path) -> list[Judged]:
    """Judge pairs with the release in folder `release`; raises ReleaseRefused where it cannot be served."""
    judged = []
    with ThreadPoolExecutor(1) as pool:
        ensemble = Ensemble.load(load(release), "cpu", pool)
        for sample in samples:
            sign = 1 if sample.better == "A" else -1
            verdict = _verdict(sample, ensemble, pool)
            temperature = ensemble.manifest.calibration[sample.category].temperature
            votes = {v.member: sign * float(np.log(v.probability_a / (1 - v.probability_a))) for v in verdict.votes}
            logit = sign * verdict.logit * temperature
            judged.append(Judged(sample.photo, sample.category, sample.kind, logit, votes, _differences(sample, sign)))
    return judged


def _block(release: Path, folder: Path, labels: Path, split: Split, span: tuple[int, int], seed: int) -> list[Judged]:
    cv2.setNumThreads(1)
    return judge(draw_samples(folder, categories(labels), split, span, seed), release)


def judge_split(
    release: Path, folder: Path, labels: Path, split: Split, count: int, seed: int, workers: int, target: Path
) -> list[Judged]:
    """Judge `count` pairs of a split in `workers` processes; every figure also goes to `target` (JSON)."""
    spans = [(start, min(start + BLOCK, count)) for start in range(0, count, BLOCK)]
    with ProcessPoolExecutor(workers, mp_context=get_context("spawn")) as pool:
        jobs = [pool.submit(_block, release, folder, labels, split, span, seed) for span in spans]
        judged = [row for job in tqdm(jobs, desc=f"judge {split}", unit_scale=BLOCK) for row in job.result()]
    target.parent.mkdir(parents=True, exist_ok=True)
    target.write_text(json.dumps([asdict(row) for row in judged]))
    return judged
