"""Rationales of a list of pairs, by a Thinking Model or measured, in the challenge's form: a submission file."""

import asyncio
import json
from collections import Counter
from collections.abc import AsyncIterator, Sequence
from contextlib import aclosing, asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

from tqdm import tqdm

from idiff import pipeline
from idiff.config import Settings
from idiff.engine import Engine
from idiff.errors import IdiffError
from idiff.metrics import Metrics
from idiff.pipeline import Judgement
from idiff.thinking import grounded
from idiff.thinking.check import check
from idiff.thinking.client import ThinkingModel
from idiff.thinking.measured import measure
from idiff.thinking.options import ThinkingOptions, ThinkingUnavailable
from idiff.types import Rationale, Side
from idiff.upload import make_upload
from idiff_models.evaluate.pairwise import read_images
from idiff_models.pairs import LabelledPair
from idiff_models.pairs.challenge import solution
from idiff_models.thinking.dataset import Asked, DatasetError, question


@dataclass(frozen=True)
class Explained:
    """`answer`: of the Answer Model, or of the Thinking Model where that judged. `grounding`: of the rationale."""

    pair: LabelledPair
    answer: Side | None
    rationale: Rationale
    grounding: float | None


@dataclass
class Explanations:
    """What was written, and why the model did not write the others, which are measured, by reason."""

    told: list[Explained] = field(default_factory=list)
    failed: Counter[str] = field(default_factory=Counter)


async def explain(
    pairs: Sequence[LabelledPair], asked: Asked, model: ThinkingOptions | None, release: Path | None = None
) -> Explanations:
    """Judge every pair and say why: by the server that `model` names, else measured. As many at once as it allows.

    Raises:
        DatasetError: a photo cannot be used.
        ReleaseRefused: the release cannot be served.
    """
    done = Explanations()
    async with _engine(release) as engine, ThinkingModel(model or ThinkingOptions()) as thinking:
        places = asyncio.Semaphore(thinking.options.max_concurrency)
        bar = tqdm(total=len(pairs), desc="explain", unit="pair")

        async def one(pair: LabelledPair) -> Explained:
            async with places:
                judgement = await _judged(pair, engine)
                answer, rationale = await _told(judgement, pair, asked, thinking if model else None)
                checked = await engine.run(check, rationale, measure(judgement.features, judgement.views))
                if model and rationale.reason:
                    done.failed[rationale.reason] += 1
                bar.update()
                return Explained(pair, answer, checked, checked.grounding)

        with bar:
            done.told = await asyncio.gather(*map(one, pairs))
    return done


def write(done: Explanations, out: Path) -> None:
    """One line a pair, as `read_told` and the challenge read it."""
    with out.open("w") as file:
        for told in done.told:
            name = told.pair.name
            images = [f"{name}_merged_{view}.jpg" for view in ("c0", "c1")]
            row = {"images": images, "solution": solution(told.rationale.text, told.answer)}
            file.write(json.dumps(row, ensure_ascii=False) + "\n")


@asynccontextmanager
async def _engine(release: Path | None) -> AsyncIterator[Engine]:
    engine = Engine.load(Settings(release=release), Metrics())
    try:
        yield engine
    finally:
        await engine.close()


async def _judged(pair: LabelledPair, engine: Engine) -> Judgement:
    try:
        files = await engine.run(read_images, pair)
        return await pipeline.judge(
            make_upload(files, {"category": pair.category or "auto", "rationale": "none"}), engine
        )
    except (IdiffError, OSError) as error:
        raise DatasetError(f"{pair.name}: {error}") from error


async def _told(
    judgement: Judgement, pair: LabelledPair, asked: Asked, model: ThinkingModel | None
) -> tuple[Side | None, Rationale]:
    """The answer and its rationale; measured where there is no model, or where it fails."""
    preferred, reason = judgement.verdict.preferred, None
    if model:
        truth: Side | None = None if pair.target in (None, 0.5) else "A" if (pair.target or 0) > 0.5 else "B"
        prompt = question(judgement, truth, asked)
        try:
            if asked.stage == "judge":
                rationale, side = await model.judge(prompt, judgement.views)
                return side, rationale
            async with aclosing(model.explain(prompt, judgement.views)) as events:
                async for event in events:
                    if isinstance(event, Rationale):
                        return preferred, event
        except ThinkingUnavailable as unavailable:
            reason = unavailable.reason
    return preferred, grounded.explain(judgement.verdict, judgement.features, judgement.views, reason, asked.lines)
