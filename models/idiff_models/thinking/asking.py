"""What a Thinking Model is asked about a pair: as the service would, with each of the paper's stages a switch."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from idiff import pipeline
from idiff.config import Settings
from idiff.engine import Engine
from idiff.explanation import learn
from idiff.pipeline import Judgement
from idiff.schemas import CategoryOption
from idiff.thinking.families import FamilyName
from idiff.thinking.pair import other
from idiff.thinking.prompt import Prompt, Wording, ask
from idiff.thinking.stages import STAGES
from idiff.types import Learned, Side, Verdict
from idiff.upload import make_upload
from idiff_models.thinking.stages import Answers, Stage

IQA_S = 120.0
"""Longest wait for the scores of a pair, seconds: nobody waits for a dataset."""


class DatasetError(ValueError):
    """Nothing can be trained on; the message names the pair at fault."""


@dataclass(frozen=True)
class Asked:
    """How the pairs are asked about. `lines`, `wording`: as of `prompt.build`; `pixels`: most of a view; `family`: of
    the model, which decides where the views stand; `iqa`: URL of the IQA service whose scores it is told, if any."""

    stage: Stage = "answer"
    answers: Answers = "truth"
    wording: Wording = "idiff"
    lines: tuple[int, int] = (4, 7)
    pixels: int = Settings.model_fields["thinking_view_pixels"].default
    family: FamilyName = "qwen3-vl"
    iqa: str | None = None

    def __post_init__(self) -> None:
        if not 1 <= self.lines[0] <= self.lines[1]:
            raise DatasetError(f"lines {self.lines[0]} to {self.lines[1]} are not an interval from 1 up")
        if self.stage == "iqa" and self.iqa is None:
            raise DatasetError("stage iqa needs the URL of an IQA service")


def settings(release: Path | None, iqa: str | None) -> Settings:
    """Of an engine that judges pairs for a prompt to tell of: no model of its own, and patient with the IQA service."""
    return Settings(release=release, thinking_url=None, thinking_trial=None, iqa_url=iqa, iqa_deadline_s=IQA_S)


@dataclass(frozen=True)
class Seen:
    """All that a prompt can tell of a pair. `learned`: None without an IQA service."""

    judgement: Judgement
    learned: Learned | None


async def see(files: Mapping[str, bytes], category: CategoryOption, engine: Engine) -> Seen:
    """Verdict, measurements and, where the engine has an IQA service, learned scores.

    Raises:
        DatasetError: the IQA service gave no scores: of a list, all pairs have some or none has.
        IdiffError: a photo cannot be used.
    """
    judgement = await pipeline.judge(make_upload(files, {"category": category, "rationale": "none"}), engine)
    learned = await learn(judgement, engine)
    if learned and not learned.scores:
        raise DatasetError(f"the IQA service gave no scores: {learned.reason or 'it has no metric'}")
    return Seen(judgement, learned)


def question(seen: Seen, answer: Side | None, asked: Asked) -> Prompt:
    """The prompt of a stage. `answer`: the experts'.

    Raises:
        DatasetError: there is none, and the prompt is to give it or the other one.
    """
    judgement = seen.judgement
    told = given(judgement.verdict, answer, asked)
    return ask(STAGES[asked.stage], told, judgement.features, seen.learned, lines=asked.lines, wording=asked.wording)


def given(verdict: Verdict, answer: Side | None, asked: Asked) -> Verdict:
    """The verdict that a prompt of the last stage gives; raises DatasetError as `question` does."""
    if asked.answers == "model" or asked.stage != "answer":
        return verdict
    if answer is None:
        raise DatasetError(f"a pair has no label, so that its {asked.answers} answer is unknown")
    side = other(answer) if asked.answers == "wrong" else answer
    return replace(verdict, preferred=side, too_close=False, votes=())
