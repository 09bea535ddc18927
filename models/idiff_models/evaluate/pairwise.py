"""A release's opinion of labelled pairs, each judged by the service's own pipeline from the files, also swapped."""

import asyncio
import math
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, field
from multiprocessing import get_context
from pathlib import Path
from typing import Any, Self

from tqdm import tqdm

from idiff import pipeline
from idiff.config import Settings
from idiff.engine import Engine
from idiff.errors import IdiffError
from idiff.metrics import Metrics
from idiff.pipeline import Judgement
from idiff.thinking.measured import measure
from idiff.thinking.summary import balance
from idiff.types import CategoryName, Features, Verdict, Views
from idiff.upload import make_upload
from idiff_models.evaluate.judges import Judge, load_judges, scores
from idiff_models.evaluate.swapping import swap
from idiff_models.pairs import LabelledPair

BLOCK = 20
"""Pairs that a worker process judges with one loading of the release."""


@dataclass(frozen=True)
class PairJudged:
    """What became of one pair; numbers are signed towards A, the first or left photo.

    `logit`: the ensemble's log odds before calibration; `probability`: calibrated, that A is preferred. `votes`: log
    odds of each member. `swap_error`: |logit + logit of the swapped pair|, 0 where exact, nan where not swapped;
    `swap_changed`: which of category, crop and preferred did not mirror. `statistics`: A minus B of every statistic of
    `idiff.features` and every judge asked, `crop.` and `global.`. `features`: what the service measured, None where it
    was not asked through its pipeline. `error`: why the pair could not be judged; its numbers are then nan.
    """

    name: str
    category: CategoryName | None
    kind: str
    target: float | None
    logit: float = math.nan
    probability: float = math.nan
    too_close: bool = False
    votes: Mapping[str, float] = field(default_factory=dict)
    swap_error: float = math.nan
    swap_changed: tuple[str, ...] = ()
    statistics: Mapping[str, float] = field(default_factory=dict)
    features: Features | None = None
    error: str | None = None

    @property
    def confidence(self) -> float:
        """Of the calibrated verdict, 0.5-1."""
        return max(self.probability, 1 - self.probability)

    @classmethod
    def of(
        cls,
        verdict: Verdict,
        temperature: float,
        name: str,
        kind: str,
        target: float | None,
        **measured: Any,  # noqa: ANN401 - the fields named above
    ) -> Self:
        """The record of a verdict that was divided by `temperature`; `measured`: the fields that it does not give."""
        return cls(
            name,
            verdict.category.name,
            kind,
            target,
            logit=verdict.logit * temperature,
            probability=verdict.probability_a,
            too_close=verdict.too_close,
            votes={vote.member: log_odds(vote.probability_a) for vote in verdict.votes},
            **measured,
        )


@dataclass(frozen=True)
class _Wanted:
    release: Path
    statistics: bool
    swapped: bool
    judges: tuple[str, ...]


def judge_pairs(
    pairs: Sequence[LabelledPair],
    release: Path,
    workers: int = 1,
    statistics: bool = True,
    swapped: bool = True,
    judges: Sequence[str] = (),
) -> list[PairJudged]:
    """Judge `pairs`, in order, with the release in folder `release`; a progress bar goes to stderr.

    `swapped`: judge each pair the other way round as well. `judges`: names from `judges.JUDGES`, which take some
    seconds a pair.

    Raises:
        ReleaseRefused: the release cannot be served.
    """
    wanted = _Wanted(release, statistics, swapped, tuple(judges))
    with tqdm(total=len(pairs), desc="judge", unit="pair") as bar:
        if workers == 1:
            judged = []
            for row in _judge(pairs, wanted):
                judged.append(row)
                bar.update()
            return judged
        blocks = [pairs[start : start + BLOCK] for start in range(0, len(pairs), BLOCK)]
        with ProcessPoolExecutor(workers, mp_context=get_context("spawn")) as pool:
            judged = []
            for rows in pool.map(_judge_block, blocks, [wanted] * len(blocks)):
                judged += rows
                bar.update(len(rows))
            return judged


def read_images(pair: LabelledPair) -> dict[str, bytes]:
    """The pair's files as the service takes them; raises OSError."""
    return {name: path.read_bytes() for name, path in pair.images.items()}


def _judge_block(pairs: Sequence[LabelledPair], wanted: _Wanted) -> list[PairJudged]:
    return list(_judge(pairs, wanted))


def _judge(pairs: Sequence[LabelledPair], wanted: _Wanted) -> Iterator[PairJudged]:
    judges = load_judges(wanted.judges)
    with asyncio.Runner() as runner:
        engine = Engine.load(Settings(release=wanted.release, threads=1), Metrics())
        try:
            for pair in pairs:
                yield runner.run(_judge_pair(pair, engine, wanted, judges))
        finally:
            runner.run(engine.close())


async def _judge_pair(pair: LabelledPair, engine: Engine, wanted: _Wanted, judges: Mapping[str, Judge]) -> PairJudged:
    try:
        images = read_images(pair)
        judgement = await _ask(images, pair, engine)
        mirrored = await _ask(swap(images), pair, engine) if wanted.swapped else None
    except IdiffError as error:
        return PairJudged(pair.name, pair.category, pair.kind, pair.target, error=error.message)
    except OSError as error:
        message = f"{error.filename}: {error.strerror}"
        return PairJudged(pair.name, pair.category, pair.kind, pair.target, error=message)
    verdict = judgement.verdict
    temperature = engine.serving.ensemble.manifest.calibration[verdict.category.name].temperature
    statistics = differences(judgement.features, judgement.views) if wanted.statistics else {}
    return PairJudged.of(
        verdict,
        temperature,
        pair.name,
        pair.kind,
        pair.target,
        swap_error=abs(verdict.logit + mirrored.verdict.logit) * temperature if mirrored else math.nan,
        swap_changed=_changed(judgement, mirrored) if mirrored else (),
        statistics=statistics | judge_scores(judgement.views, judges),
        features=judgement.features,
    )


async def _ask(images: Mapping[str, bytes], pair: LabelledPair, engine: Engine) -> Judgement:
    upload = make_upload(images, {"category": pair.category or "auto", "rationale": "none"})
    return await pipeline.judge(upload, engine)


def _changed(judgement: Judgement, mirrored: Judgement) -> tuple[str, ...]:
    other = {"A": "B", "B": "A", None: None}
    boxes, mirrored_boxes = (
        (j.views.crop_method, {"a": j.views.a.crop_box, "b": j.views.b.crop_box}) for j in (judgement, mirrored)
    )
    same = {
        "category": judgement.verdict.category == mirrored.verdict.category,
        "crop": boxes[0] == mirrored_boxes[0]
        and (boxes[1]["a"], boxes[1]["b"]) == (mirrored_boxes[1]["b"], mirrored_boxes[1]["a"]),
        "preferred": other[judgement.verdict.preferred] == mirrored.verdict.preferred,
    }
    return tuple(name for name, kept in same.items() if not kept)


def differences(features: Features, views: Views) -> dict[str, float]:
    """A minus B of every statistic, `crop.laplacian` and so on; `pair.findings` is what the measured rationale's
    findings weigh for A more than for B."""
    a, b = features.a.named, features.b.named
    found = {name: a[name] - b[name] for name in a}
    measured = measure(features, views)
    return found | {"pair.findings": balance([*measured.crop, *measured.frame])}


def judge_scores(views: Views, judges: Mapping[str, Judge]) -> dict[str, float]:
    """A minus B of every judge's score of the crop and the global view."""
    found: dict[str, float] = {}
    for view in ("crop", "global") if judges else ():
        a, b = (scores(getattr(photo, f"{view}_view"), judges) for photo in (views.a, views.b))
        found |= {f"{view}.{name}": a[name] - b[name] for name in a}
    return found


def log_odds(probability: float) -> float:
    """Log odds of a probability; bounded where it rounds to 0 or 1."""
    kept = min(max(probability, 1e-15), 1 - 1e-15)
    return math.log(kept) - math.log1p(-kept)
