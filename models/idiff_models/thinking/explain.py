"""Rationales of a list of pairs, by a Thinking Model or measured, in the challenge's form: a submission file."""

import asyncio
import json
from collections import Counter
from collections.abc import AsyncIterator, Sequence
from contextlib import aclosing, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from tqdm import tqdm

from idiff.engine import Engine
from idiff.errors import IdiffError
from idiff.metrics import Metrics
from idiff.pipeline import Judgement
from idiff.thinking import grounded
from idiff.thinking.check import check
from idiff.thinking.client import ThinkingModel
from idiff.thinking.measured import Measured, measure
from idiff.thinking.options import ThinkingOptions, ThinkingUnavailable
from idiff.thinking.prompt import Prompt
from idiff.types import Rationale, Side
from idiff_models.evaluate.pairwise import read_images
from idiff_models.evaluate.text.grounding import mean
from idiff_models.pairs import LabelledPair
from idiff_models.pairs.challenge import Told, side_of, submitted
from idiff_models.thinking.asking import Asked, DatasetError, Seen, given, question, see, settings


@dataclass(frozen=True)
class Explained:
    """`answer`: the one that the rationale was asked to explain, or the model's own where it was to judge."""

    pair: LabelledPair
    answer: Side | None
    rationale: Rationale

    @property
    def told(self) -> Told:
        """As a line of a submission is read."""
        return Told(self.pair.name, self.pair.category, self.answer, self.rationale.text)


def grounded_share(explained: Sequence[Explained]) -> float | None:
    """Mean grounding of the rationales that have one."""
    return mean(one.rationale.grounding for one in explained)


Judged = Sequence[tuple[LabelledPair, Seen]]


@asynccontextmanager
async def engine_of(release: Path | None, iqa: str | None = None) -> AsyncIterator[Engine]:
    """What serves a release, the bundled one if None, and asks the IQA service at `iqa`. Raises ReleaseRefused."""
    engine = Engine.load(settings(release, iqa), Metrics())
    try:
        yield engine
    finally:
        await engine.close()


async def judge(pairs: Sequence[LabelledPair], engine: Engine) -> Judged:
    """The Answer Model's verdict of every pair, and all that a prompt needs of it.

    Raises:
        DatasetError: a photo cannot be used.
    """
    found = []
    for pair in tqdm(pairs, desc="judge", unit="pair"):
        try:
            files = await engine.run(read_images, pair)
            found.append((pair, await see(files, pair.category or "auto", engine)))
        except (DatasetError, IdiffError, OSError) as error:
            raise DatasetError(f"{pair.name}: {error}") from error
    return found


async def measurements(judged: Judged, engine: Engine) -> dict[str, Measured]:
    """What was measured of every pair, by its name."""
    return {pair.name: await engine.run(_measure, seen.judgement) for pair, seen in judged}


async def explain(judged: Judged, asked: Asked, model: ThinkingOptions | None, engine: Engine) -> list[Explained]:
    """Say why, of every pair: by the server that `model` names, else measured, as is what the model does not write.

    Raises:
        DatasetError: a pair has no label, and the prompt is to give the true answer or the wrong one.
    """
    prompts = [question(one, side_of(pair.target), asked) for pair, one in judged]
    async with ThinkingModel(model or ThinkingOptions()) as thinking:
        places = asyncio.Semaphore(thinking.options.max_concurrency)
        with tqdm(total=len(judged), desc="explain", unit="pair") as bar:

            async def one(place: int) -> Explained:
                pair, seen = judged[place]
                judgement = seen.judgement
                async with places:
                    answer, rationale = await _told(
                        judgement, side_of(pair.target), asked, prompts[place], thinking if model else None, engine
                    )
                    checked = await engine.run(_check, rationale, judgement)
                bar.update()
                return Explained(pair, answer, checked)

            async with asyncio.TaskGroup() as group:
                tasks = [group.create_task(one(place)) for place in range(len(judged))]
    return [task.result() for task in tasks]


async def _told(
    judgement: Judgement, truth: Side | None, asked: Asked, prompt: Prompt, model: ThinkingModel | None, engine: Engine
) -> tuple[Side | None, Rationale]:
    """An answer and its rationale; the Answer Model's, measured, where there is no model or it fails."""
    verdict, reason = judgement.verdict, None
    try:
        if model and asked.stage == "judge":
            rationale, side = await model.judge(prompt, judgement.views)
            return side, rationale
        if model:
            async with aclosing(model.explain(prompt, judgement.views)) as events:
                async for event in events:
                    if isinstance(event, Rationale):
                        return given(verdict, truth, asked).preferred, event
    except ThinkingUnavailable as unavailable:
        reason = unavailable.reason
    measured = await engine.run(grounded.explain, verdict, judgement.features, judgement.views, reason, asked.lines)
    return verdict.preferred, measured


def _check(rationale: Rationale, judgement: Judgement) -> Rationale:
    return check(rationale, _measure(judgement))


def _measure(judgement: Judgement) -> Measured:
    return measure(judgement.features, judgement.views)


def unwritten(explained: Sequence[Explained]) -> Counter[str]:
    """How many rationales the model was to write and did not, by reason."""
    return Counter(one.rationale.reason for one in explained if one.rationale.reason)


def write(explained: Sequence[Explained], out: Path) -> None:
    """One line a pair, as `read_told` and the challenge read it."""
    with out.open("w") as file:
        for one in explained:
            row = submitted(one.pair, one.rationale.text, one.answer)
            file.write(json.dumps(row, ensure_ascii=False) + "\n")
