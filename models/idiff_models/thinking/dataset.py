"""What the Thinking Model is trained on: pairs as the service sees and asks about them, and what the experts wrote.

Views, statistics, verdict and prompt come from the service's own pipeline, so training and serving cannot drift apart.
"""

import asyncio
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, replace
from pathlib import Path

from tqdm import tqdm

from idiff.engine import Engine
from idiff.errors import IdiffError
from idiff.metrics import Metrics
from idiff.thinking import grounded
from idiff.thinking.claims import mirror
from idiff.thinking.measured import measure
from idiff.thinking.pair import other
from idiff.thinking.prompt import Prompt
from idiff.types import Side
from idiff_models.evaluate.pairwise import read_images
from idiff_models.evaluate.swapping import swap
from idiff_models.pairs import LabelledPair
from idiff_models.pairs.challenge import Told, side_of, solution
from idiff_models.thinking import rows
from idiff_models.thinking.asking import Asked, DatasetError, Seen, given, question, see, settings
from idiff_models.thinking.rewards import MEASURED
from idiff_models.thinking.stages import Text
from idiff_models.thinking.targets import target
from idiff_models.thinking.written import Written


@dataclass(frozen=True)
class Example:
    """A pair as it is told once. `rationale`: an expert's, None where there is none."""

    name: str
    seen: Seen
    answer: Side | None
    rationale: str | None


def write(
    pairs: Sequence[LabelledPair],
    told: Sequence[Told],
    out: Path,
    asked: Asked,
    *,
    text: Text = "experts",
    complete: bool = True,
    release: Path | None = None,
) -> Written:
    """Write `sft.jsonl` and `grpo.jsonl` for ms-swift, and the views they name, to `out`; without a text no SFT rows.

    Where experts are quoted, a pair without a rationale is left out, and each is made complete as `target` says. Every
    pair is told twice, as it is and with left and right exchanged, so that the model learns no side. SFT rows end with
    the rationale. GRPO rows have the answer as `solution`, after the expert's rationale where there is one; what was
    measured of the pair as `measured`, for the grounding reward; and how many `lines` are asked for, if any.

    Raises:
        DatasetError: a photo cannot be used, or no pair is left.
        ReleaseRefused: the release cannot be served.
    """
    chosen, unlabelled = _chosen(pairs, told, asked, text)
    done = Written(asked.lines, unlabelled)
    out.mkdir(parents=True, exist_ok=True)
    (out / "sft.jsonl").unlink(missing_ok=True)
    with ExitStack() as stack:
        grpo = stack.enter_context((out / "grpo.jsonl").open("w"))
        sft = stack.enter_context((out / "sft.jsonl").open("w")) if text != "none" else None
        runner = stack.enter_context(asyncio.Runner())
        engine = Engine.load(settings(release, asked.iqa), Metrics())
        stack.callback(lambda: runner.run(engine.close()))
        for pair, one in tqdm(chosen, desc="dataset", unit="pair"):
            for turned, example in enumerate(_both(runner, engine, pair, one)):
                prompt = question(example.seen, example.answer, asked)
                views = example.seen.judgement.views
                shown = {**rows.row(prompt, views, asked.family, asked.pixels, out), "name": example.name}
                expert = _expert(example, prompt, complete)
                grpo.write(rows.line(shown, **_rewarded(example, expert, prompt, asked)))
                done.grpo += 1
                if sft:
                    taught = (expert or "") if text == "experts" else _measured(example, asked)
                    wanted = solution(taught, example.answer) if asked.stage == "judge" else taught
                    sft.write(rows.line(shown, messages=[*shown["messages"], rows.said("assistant", wanted)]))
                    done.sft += 1
                    if prompt.form == "lines" and not turned:
                        done.count(example.rationale if text == "experts" else None, taught)
    return done


def _chosen(
    pairs: Sequence[LabelledPair], told: Sequence[Told], asked: Asked, text: Text
) -> tuple[list[tuple[LabelledPair, Told | None]], int]:
    """The pairs to be told, with what an expert says of each, and how many were left out for want of a label."""
    quoted = {one.name: one for one in told if one.rationale}
    known = [(pair, quoted.get(pair.name)) for pair in pairs if text != "experts" or pair.name in quoted]
    if not known:
        raise DatasetError("no pair has a rationale of its name")
    asks = asked.stage == "answer" and asked.answers != "model"
    chosen = [(pair, one) for pair, one in known if not asks or _answer(pair, one)]
    if not chosen:
        raise DatasetError(f"no pair has a label that prefers a photo, so that its {asked.answers} answer is unknown")
    return chosen, len(known) - len(chosen)


def _answer(pair: LabelledPair, one: Told | None) -> Side | None:
    return one.answer if one else side_of(pair.target)


def _both(runner: asyncio.Runner, engine: Engine, pair: LabelledPair, one: Told | None) -> Iterator[Example]:
    answer, rationale = _answer(pair, one), one.rationale if one else None
    turned = other(answer) if answer else None, mirror(rationale) if rationale else None
    try:
        images = read_images(pair)
        for files, told in ((images, (answer, rationale)), (swap(images), turned)):
            yield Example(pair.name, runner.run(see(files, pair.category or "auto", engine)), *told)
    except (DatasetError, IdiffError, OSError) as error:
        raise DatasetError(f"{pair.name}: {error}") from error


def _expert(example: Example, prompt: Prompt, complete: bool) -> str | None:
    """The expert's text as it is to be learned: of the form, where the prompt asks for one."""
    if example.rationale is None or prompt.form == "free":
        return example.rationale
    return target(example.rationale, example.answer, complete=complete)


def _measured(example: Example, asked: Asked) -> str:
    """The measured rationale of the answer that the prompt gives; else of the label, where there is one."""
    judgement = example.seen.judgement
    verdict = given(judgement.verdict, example.answer, asked)
    if asked.stage != "answer" and example.answer:
        verdict = replace(verdict, preferred=example.answer, too_close=False, votes=())
    return grounded.explain(verdict, judgement.features, judgement.views, None, asked.lines).text


def _rewarded(example: Example, expert: str | None, prompt: Prompt, asked: Asked) -> dict[str, object]:
    """The columns of a GRPO row that the rewards read."""
    judgement = example.seen.judgement
    found = MEASURED.dump_python(measure(judgement.features, judgement.views), mode="json")
    lines = {} if prompt.form == "free" else {"lines": list(asked.lines)}
    return {"solution": solution(expert, example.answer), "measured": found, **lines}
