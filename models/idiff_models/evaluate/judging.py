"""A release's opinion of held-out degraded pairs, made anew from their seeds; judged by the ensemble that serves."""

import asyncio
from collections.abc import Iterable
from concurrent.futures import Executor, ProcessPoolExecutor, ThreadPoolExecutor
from dataclasses import dataclass, replace
from multiprocessing import get_context
from pathlib import Path
from typing import Literal

import cv2
from tqdm import tqdm

from idiff.answer.ensemble import Ensemble
from idiff.answer.release import load
from idiff.features import measure_photo
from idiff.imaging.align import IDENTITY
from idiff.types import Alignment, Category, Features, PhotoViews, Verdict, Views
from idiff_models.answer.cache import one_thread
from idiff_models.answer.photos import Split, categories
from idiff_models.evaluate.judges import load_judges
from idiff_models.evaluate.pairwise import PairJudged, differences, judge_scores
from idiff_models.evaluate.samples import Sample, draw_samples

BLOCK = 20
ALIGNED = Alignment("identity", IDENTITY, 0, same_scene=True)

Masked = Literal["none", "global", "crop"]


@dataclass(frozen=True)
class Test:
    """Which pairs to judge, and how. `masked`: the view of which both photos show A's, so that the other decides.
    `judges`: the no-reference judges that see the first `judged` pairs, to the next full block."""

    folder: Path
    labels: Path
    split: Split
    pairs: int
    seed: int
    masked: Masked = "none"
    judges: tuple[str, ...] = ()
    judged: int = 0


def _mask(a: PhotoViews, b: PhotoViews, masked: Masked) -> PhotoViews:
    """B with the masked view of A."""
    return b if masked == "none" else replace(b, **{f"{masked}_view": getattr(a, f"{masked}_view")})


def _verdict(a: PhotoViews, b: PhotoViews, sample: Sample, ensemble: Ensemble, pool: Executor) -> Verdict:
    views = Views(a, b, "given", ALIGNED, ())
    return asyncio.run(ensemble.judge(views, Category(sample.category, "given", None), pool))


def judge(samples: Iterable[Sample], release: Path, test: Test) -> list[PairJudged]:
    """Judge pairs with the release in folder `release`; raises ReleaseRefused where it cannot be served."""
    judged, judges = [], load_judges(test.judges)
    with ThreadPoolExecutor(1) as pool:
        ensemble = Ensemble.load(load(release), "cpu", pool)
        for sample in samples:
            a, b = sample.a, _mask(sample.a, sample.b, test.masked)
            verdict = _verdict(a, b, sample, ensemble, pool)
            temperature = ensemble.manifest.calibration[sample.category].temperature
            simple = {}
            if test.masked == "none":
                views = Views(a, b, "given", ALIGNED, ())
                features = Features(measure_photo(a), measure_photo(b))
                simple = differences(features, views) | judge_scores(views, judges)
            judged.append(
                PairJudged.of(verdict, temperature, sample.name, sample.kind, sample.target, statistics=simple)
            )
    return judged


def _block(release: Path, test: Test, span: tuple[int, int]) -> list[PairJudged]:
    cv2.setNumThreads(1)
    labels = categories(test.labels)
    if span[0] >= test.judged:
        test = replace(test, judges=())
    return judge(draw_samples(test.folder, labels, test.split, span, test.seed), release, test)


def judge_test(release: Path, test: Test, workers: int) -> list[PairJudged]:
    """Judge the pairs of a test in `workers` processes."""
    spans = [(start, min(start + BLOCK, test.pairs)) for start in range(0, test.pairs, BLOCK)]
    with ProcessPoolExecutor(workers, mp_context=get_context("spawn"), initializer=one_thread) as pool:
        jobs = [pool.submit(_block, release, test, span) for span in spans]
        return [row for job in tqdm(jobs, desc=f"judge {test.split}", unit_scale=BLOCK) for row in job.result()]
