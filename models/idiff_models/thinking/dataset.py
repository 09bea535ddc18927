"""What the Thinking Model is trained on: pairs as the service sees and asks about them, and what the experts wrote.

Views, statistics, verdict and prompt come from the service's own pipeline, so training and serving cannot drift apart.
"""

import asyncio
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

from tqdm import tqdm

from idiff.engine import Engine
from idiff.errors import IdiffError
from idiff.metrics import Metrics
from idiff.thinking.claims import mirror
from idiff.thinking.measured import measure
from idiff.thinking.pair import other
from idiff.thinking.parse import FormError, parse
from idiff.thinking.vocabulary import SUMMARY_HEADER
from idiff_models.evaluate.pairwise import read_images
from idiff_models.evaluate.swapping import swap
from idiff_models.pairs import LabelledPair
from idiff_models.pairs.challenge import Told, solution
from idiff_models.thinking import rows
from idiff_models.thinking.asking import Asked, DatasetError, Seen, question, see, settings
from idiff_models.thinking.rewards import MEASURED


def write(
    pairs: Sequence[LabelledPair], told: Sequence[Told], out: Path, asked: Asked, release: Path | None = None
) -> int:
    """Write `sft.jsonl` and `grpo.jsonl` for ms-swift, and the views they name, to `out`; returns the rows of each.

    A pair without a rationale is left out. Every pair is told twice, as it is and with left and right exchanged, so
    that the model learns no side. SFT rows end with the rationale; GRPO rows have it as `solution`, with the answer,
    and what was measured of the pair as `measured`, for the grounding reward.

    Raises:
        DatasetError: a photo cannot be used, or no pair has a rationale.
        ReleaseRefused: the release cannot be served.
    """
    texts = {one.name: one for one in told}
    known = [(pair, texts[pair.name]) for pair in pairs if pair.name in texts]
    if not known:
        raise DatasetError("no pair has a rationale of its name")
    out.mkdir(parents=True, exist_ok=True)
    with (out / "sft.jsonl").open("w") as sft, (out / "grpo.jsonl").open("w") as grpo, asyncio.Runner() as runner:
        engine = Engine.load(settings(release, asked.iqa), Metrics())
        try:
            for pair, written in tqdm(known, desc="dataset", unit="pair"):
                for seen, one in _both(runner, engine, pair, written):
                    prompt = question(seen, one.answer, asked)
                    shown = {
                        **rows.row(prompt, seen.judgement.views, asked.family, asked.pixels, out),
                        "name": one.name,
                    }
                    wanted = (
                        solution(canonical(one.rationale), one.answer)
                        if asked.stage == "judge"
                        else canonical(one.rationale)
                    )
                    sft.write(rows.line(shown, messages=[*shown["messages"], rows.said("assistant", wanted)]))
                    found = measure(seen.judgement.features, seen.judgement.views)
                    measured = MEASURED.dump_python(found, mode="json")
                    told = solution(canonical(one.rationale), one.answer)
                    grpo.write(rows.line(shown, solution=told, measured=measured))
        finally:
            runner.run(engine.close())
    return 2 * len(known)


def canonical(rationale: str) -> str:
    """A rationale in the form that serving enforces, where it can be read as lines and a summary; else as it is."""
    try:
        lines, summary = parse(rationale)
    except FormError:
        return rationale
    return "\n".join([*(f"{line.region} {line.metric}: {line.text}" for line in lines), f"{SUMMARY_HEADER}: {summary}"])


def _both(runner: asyncio.Runner, engine: Engine, pair: LabelledPair, told: Told) -> Iterator[tuple[Seen, Told]]:
    turned = replace(told, answer=other(told.answer) if told.answer else None, rationale=mirror(told.rationale))
    try:
        images = read_images(pair)
        for files, one in ((images, told), (swap(images), turned)):
            yield runner.run(see(files, pair.category or "auto", engine)), one
    except (DatasetError, IdiffError, OSError) as error:
        raise DatasetError(f"{pair.name}: {error}") from error
