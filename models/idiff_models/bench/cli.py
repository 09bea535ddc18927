"""`idiff bench`: how long the models take on this machine."""

from pathlib import Path
from typing import Annotated, Literal

import typer

from idiff.answer.manifest import Precision
from idiff.config import Provider
from idiff.thinking.families import FamilyName
from idiff_models.needs import packages, refusal, training_packages

app = typer.Typer(help="How long the models take on this machine.", no_args_is_help=True)


@app.callback()
def root() -> None:
    """How long the models take on this machine."""


@app.command()
def answer(
    release: Annotated[
        Path | None, typer.Option(help="Release to measure; IDIFF_RELEASE or the bundled starter.", file_okay=False)
    ] = None,
    provider: Annotated[Provider | None, typer.Option(help="Where every graph must run; IDIFF_PROVIDER.")] = None,
    batch: Annotated[
        list[int] | None, typer.Option(min=1, max=64, help="Pairs a call; repeat it. Default 1, 4.")
    ] = None,
    threads: Annotated[int | None, typer.Option(min=1, help="Worker threads; IDIFF_THREADS or the cores.")] = None,
    repeats: Annotated[int, typer.Option(min=1, help="Rounds; each measures everything once.")] = 20,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON instead of Markdown.")] = False,
) -> None:
    """Latency, throughput and processor time of every Answer Model member and of the ensembles, by batch."""
    packages(("onnxruntime", "cv2"), "cpu")
    from pydantic import ValidationError

    from idiff.config import Settings
    from idiff.errors import IdiffError
    from idiff_models.bench import table
    from idiff_models.bench.answer import bench

    try:
        settings = Settings()
        result = bench(
            release or settings.release_folder,
            provider or settings.provider,
            sorted(set(batch or (1, 4))),
            threads or settings.threads,
            repeats,
        )
    except (IdiffError, ValidationError) as error:
        raise refusal(error.message if isinstance(error, IdiffError) else str(error)) from error
    typer.echo(table.as_json(result) if as_json else table.answer_markdown(result))


@app.command()
def untrained(
    out: Annotated[Path, typer.Argument(help="The release's folder, which must not exist.", file_okay=False)],
    precision: Annotated[Precision, typer.Option(help="Of the encoders.")] = "fp16-compute",
    tiles: Annotated[int, typer.Option(help="Native windows of the crop; the paper's is one: 1, 4 or 9.")] = 1,
    scale: Annotated[
        Literal["full", "starter"], typer.Option(help="The paper's members, or the bundled ones'.")
    ] = "full",
) -> None:
    """Write a release of random members, five a category, as fast as a trained one; for timing where there is none."""
    training_packages()
    from idiff_models.bench.untrained import write

    try:
        write(out, scale, precision, tiles, typer.echo)
    except (OSError, ValueError) as error:
        raise refusal(error) from error


@app.command()
def rank(
    photographs: Annotated[
        list[Path] | None,
        typer.Argument(exists=True, dir_okay=False, help="Each is made a burst; the bundled sample by default."),
    ] = None,
    photos: Annotated[
        list[int] | None, typer.Option(min=2, max=64, help="Photos in a set; repeat it. Default 2, 4, 8, 16, 32.")
    ] = None,
    megapixels: Annotated[float, typer.Option(min=0.1, max=64, help="Size of each photo.")] = 2.0,
    seed: Annotated[int, typer.Option(min=0, help="Of the bursts' shake and faults.")] = 0,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON instead of Markdown.")] = False,
) -> None:
    """Ranking a set beside comparing its pairs one by one: what both cost, and how far they agree, in one run."""
    packages(("onnxruntime", "cv2", "scipy"), "cpu")
    import asyncio

    from pydantic import ValidationError

    from idiff.config import Settings
    from idiff.errors import IdiffError
    from idiff_models.bench import table
    from idiff_models.bench.rank import bench, sample

    try:
        counts = sorted(set(photos or (2, 4, 8, 16, 32)))
        result = asyncio.run(bench(photographs or [sample()], counts, megapixels, seed, Settings()))
    except (IdiffError, ValidationError, OSError) as error:
        raise refusal(error.message if isinstance(error, IdiffError) else str(error)) from error
    typer.echo(table.as_json(result) if as_json else table.rank_markdown(result))


@app.command()
def thinking(
    url: Annotated[str, typer.Argument(help="Base URL of the vLLM server.")],
    server: Annotated[str, typer.Option(help="What it runs on, for the report: card, checkpoint, precision.")],
    model: Annotated[str, typer.Option(help="Served name of the adapter.")] = "rationale",
    family: Annotated[FamilyName, typer.Option(help="Family of the model under it.")] = "qwen3-vl",
    side: Annotated[
        list[int] | None, typer.Option(min=64, max=1024, help="Side of a view, pixels; repeat it. Default 448.")
    ] = None,
    concurrency: Annotated[
        list[int] | None, typer.Option(min=1, max=256, help="Rationales at once; repeat it. Default 1, 4.")
    ] = None,
    requests: Annotated[int, typer.Option(min=1, help="Rationales asked for in each case.")] = 16,
    tokens: Annotated[int, typer.Option(min=16, help="Most tokens of a rationale.")] = 175,
    deadline: Annotated[float, typer.Option(min=1, help="Seconds that one may take.")] = 300.0,
    api_key: Annotated[str | None, typer.Option(envvar="IDIFF_THINKING_API_KEY", help="Bearer token.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON instead of Markdown.")] = False,
) -> None:
    """First token, whole rationale and throughput of a Thinking Model's server, by view size and concurrency.

    Speed does not depend on the weights: `MERGED=Qwen/Qwen3-VL-8B-Instruct deploy/vllm/serve.sh --load-format dummy`
    serves without them, under the name that is asked for by default; an adapter's own cost is then not in the figures.
    """
    packages(("httpx", "cv2"), "cpu")
    from idiff.thinking.options import ThinkingOptions
    from idiff_models.bench import table
    from idiff_models.bench.thinking import bench

    options = ThinkingOptions(
        url,
        model,
        family,
        api_key,
        deadline_s=deadline,
        first_token_s=deadline,
        max_tokens=tokens,
        breaker_failures=10**6,
    )
    try:
        result = bench(options, server, sorted(set(side or (448,))), sorted(set(concurrency or (1, 4))), requests)
    except ValueError as error:
        raise refusal(error) from error
    typer.echo(table.as_json(result) if as_json else table.thinking_markdown(result))
    if not any(row.done for row in result.rows):
        raise typer.Exit(1)
