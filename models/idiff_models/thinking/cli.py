"""`idiff thinking`: data for the Thinking Model, and its figures."""

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from idiff.thinking.families import FamilyName
from idiff.thinking.prompt import Wording
from idiff_models.needs import packages, refusal
from idiff_models.thinking import tune_cli
from idiff_models.thinking.stages import Answers, Stage
from idiff_models.thinking.tune_cli import File, IqaUrl, Lines, Root

if TYPE_CHECKING:
    from collections.abc import Sequence

    from idiff.thinking.measured import Measured
    from idiff.thinking.options import ThinkingOptions
    from idiff.thinking.proof import Proof
    from idiff_models.pairs import LabelledPair
    from idiff_models.thinking.explain import Explained

app = typer.Typer(no_args_is_help=True)

Concurrency = Annotated[int, typer.Option(min=1, help="Pairs at once.")]
Tokens = Annotated[int, typer.Option(min=16, help="Most tokens of a rationale.")]
Deadline = Annotated[float, typer.Option(min=1, help="Seconds that one may take.")]
ApiKey = Annotated[str | None, typer.Option(envvar="IDIFF_THINKING_API_KEY", help="Bearer token.")]


@app.callback()
def thinking() -> None:
    """The Thinking Model: what it is trained on and how it is measured."""


for command in (tune_cli.dataset, tune_cli.ratings, tune_cli.canary, tune_cli.merge):
    app.command()(command)


@app.command()
def explain(
    pairs: Annotated[Path, typer.Argument(exists=True, dir_okay=False, help="Pairs: .csv, or the challenge's .jsonl.")],
    out: Annotated[Path, typer.Option(help="The submission: JSONL of the challenge's form.", dir_okay=False)],
    root: Root = None,
    url: Annotated[str | None, typer.Option(help="Base URL of a vLLM server; without it, measured rationales.")] = None,
    model: Annotated[str, typer.Option(help="Served name of the adapter.")] = "rationale",
    family: Annotated[FamilyName, typer.Option(help="Family of the model under it.")] = "qwen3-vl",
    stage: Annotated[
        Stage,
        typer.Option(help="What the prompt holds: Table 4; judge: the model answers by itself, rationale first."),
    ] = "answer",
    answers: Annotated[Answers, typer.Option(help="Whose answer the prompt gives: Table 8.")] = "model",
    wording: Annotated[Wording, typer.Option(help="How it is given.")] = "idiff",
    lines: Lines = (4, 7),
    iqa_url: IqaUrl = None,
    concurrency: Concurrency = 8,
    tokens: Tokens = 1024,
    deadline: Deadline = 120.0,
    api_key: ApiKey = None,
    release: Annotated[Path | None, typer.Option(help="Answer Model release; the bundled one by default.")] = None,
) -> None:
    """Answers and rationales of pairs, as the challenge wants them handed in and `score` reads them."""
    packages(("onnxruntime", "cv2", "tqdm"), "cpu,evaluate")
    import asyncio

    from idiff.errors import IdiffError
    from idiff_models.pairs import PairsError, read_pairs
    from idiff_models.thinking.asking import Asked, DatasetError
    from idiff_models.thinking.explain import engine_of, explain, grounded_share, judge, unwritten, write

    async def explained() -> "list[Explained]":
        asked = Asked(stage, answers, wording, lines, family=family, iqa=iqa_url)
        async with engine_of(release, iqa_url) as engine:
            return await explain(await judge(read_pairs(pairs, root), engine), asked, options if url else None, engine)

    try:
        options = _options(lines, concurrency, tokens, deadline, api_key, url=url, model=model, family=family)
        done = asyncio.run(explained())
    except (PairsError, DatasetError, IdiffError, ValueError) as error:
        raise refusal(error) from error
    write(done, out)
    share = grounded_share(done)
    grounding = "" if share is None else f", grounding {share:.2f}"
    lost = "".join(f"; measured for want of the model: {count} {why}" for why, count in unwritten(done).items())
    typer.echo(f"{out}: {len(done)} pairs{grounding}{lost}")


def _options(
    lines: tuple[int, int],
    concurrency: int,
    tokens: int,
    deadline: float,
    api_key: str | None,
    **server: Any,  # noqa: ANN401
) -> "ThinkingOptions":
    """Of a server that is asked about many pairs: patient, and never left alone for failing."""
    from idiff.thinking.options import ThinkingOptions

    return ThinkingOptions(
        **server,
        api_key=api_key,
        lines_min=lines[0],
        lines_max=lines[1],
        deadline_s=deadline,
        first_token_s=deadline,
        max_concurrency=concurrency,
        max_waiting=concurrency,
        max_tokens=tokens,
        breaker_failures=10**6,
    )


@app.command()
def score(
    predictions: File,
    references: File,
    pairs: Annotated[
        Path | None, typer.Option(help="The pairs' photos, by the same names: adds the grounding.", exists=True)
    ] = None,
    root: Annotated[
        Path | None,
        typer.Option(help="Folder that the pictures' paths are relative to; alone, of the references' own pictures."),
    ] = None,
    judge_url: Annotated[
        str | None, typer.Option(help="OpenAI-compatible server of a language model to judge.")
    ] = None,
    judge_model: Annotated[str, typer.Option(help="Its name there.")] = "judge",
    judge_key: Annotated[str | None, typer.Option(envvar="IDIFF_JUDGE_API_KEY", help="Bearer token.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON instead of Markdown.")] = False,
) -> None:
    """BLEU-4 and ROUGE-L of rationales against the experts', by two scorers, and their grounding in the photos where
    those are given, beside a canned text's."""
    seeing = ("onnxruntime", "cv2") if pairs or root else ()
    packages(("nltk", "rouge_score", "rouge", "jieba", "httpx", "tqdm", *seeing), "cpu,evaluate,text")
    import asyncio

    from idiff.errors import IdiffError
    from idiff_models.evaluate.text import report
    from idiff_models.evaluate.text.judge import Judge, JudgeFailed
    from idiff_models.pairs import PairsError, read_pairs
    from idiff_models.pairs.challenge import read_told
    from idiff_models.thinking.asking import DatasetError

    try:
        judge = Judge(judge_url, judge_model, judge_key) if judge_url else None
        told, wanted = read_told(predictions), read_told(references)
        photos = read_pairs(pairs or references, root) if pairs or root else []
        names = {one.name for one in told} & {one.name for one in wanted}
        found = asyncio.run(_measured([pair for pair in photos if pair.name in names])) if photos else None
        done = report.score(told, wanted, judge, found)
    except (PairsError, DatasetError, IdiffError, report.NothingToScore, JudgeFailed, ValueError) as error:
        raise refusal(error) from error
    typer.echo(json.dumps(report.to_json(done), indent=2) if as_json else report.to_markdown(done))


async def _measured(photos: "Sequence[LabelledPair]") -> "dict[str, Measured]":
    from idiff_models.thinking.explain import engine_of, judge, measurements

    async with engine_of(None) as engine:
        return await measurements(await judge(photos, engine), engine)


@app.command()
def tables(
    cases: Annotated[Path, typer.Argument(exists=True, dir_okay=False, help="What to compare: see runs/tables.toml.")],
    references: Annotated[Path, typer.Option(exists=True, dir_okay=False, help="The experts' rationales.")],
    pairs: Annotated[
        Path | None, typer.Option(help="Their photos, where not in the references' own pictures.", exists=True)
    ] = None,
    root: Root = None,
    lines: Lines = (4, 7),
    iqa_url: IqaUrl = None,
    concurrency: Concurrency = 8,
    tokens: Tokens = 1024,
    deadline: Deadline = 120.0,
    api_key: ApiKey = None,
) -> None:
    """The structure of the paper's Tables 4, 5, 6 and 8: every case explains the same pairs and is scored alike."""
    packages(("onnxruntime", "cv2", "tqdm", "nltk", "rouge_score", "rouge", "jieba"), "cpu,evaluate,text")
    import asyncio

    from idiff.errors import IdiffError
    from idiff_models.evaluate.text.report import NothingToScore
    from idiff_models.pairs import PairsError, read_pairs
    from idiff_models.pairs.challenge import read_told
    from idiff_models.thinking.asking import DatasetError
    from idiff_models.thinking.tables import Cases, CasesRefused, run, to_markdown

    try:
        options = _options(lines, concurrency, tokens, deadline, api_key)
        told, photos = read_told(references), read_pairs(pairs or references, root)
        results = asyncio.run(run(Cases.read(cases).case, photos, told, options, iqa_url))
    except (CasesRefused, PairsError, DatasetError, NothingToScore, IdiffError, ValueError) as error:
        raise refusal(error) from error
    typer.echo(to_markdown(results))


@app.command()
def check(
    url: Annotated[str, typer.Argument(help="Base URL of the vLLM server.")],
    model: Annotated[str, typer.Option(help="Served name of the adapter.")] = "rationale",
    reference: Annotated[
        Path | None, typer.Option("--canary", help="The adapter's canary.json.", exists=True, dir_okay=False)
    ] = None,
    family: Annotated[FamilyName, typer.Option(help="Family of the model under it.")] = "qwen3-vl",
    api_key: ApiKey = None,
) -> None:
    """Prove that a server has the adapter, all of it, holds it to a form and reuses prefixes; exit code 1 where not."""
    packages(("httpx",), "cpu")
    import asyncio

    from idiff.thinking.canary import Canary, CanaryRefused
    from idiff.thinking.client import ThinkingModel
    from idiff.thinking.options import ThinkingOptions, ThinkingUnavailable

    async def proven() -> "Proof":
        async with ThinkingModel(ThinkingOptions(url, model, family, api_key)) as client:
            return await client.prove(Canary.read(reference) if reference else None)

    try:
        proof = asyncio.run(proven())
    except (CanaryRefused, ThinkingUnavailable, ValueError) as error:
        raise refusal(error) from error
    for found in proof.findings:
        word = {True: "passed", False: "FAILED", None: "not checked"}[found.passed]
        typer.echo(f"{found.check}: {word}: {found.detail}")
    if any(found.passed is False for found in proof.findings):
        raise typer.Exit(1)
