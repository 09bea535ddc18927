"""`idiff bench`: how long the models take on this machine."""

from pathlib import Path
from typing import Annotated

import typer

from idiff.config import Provider
from idiff_models.needs import packages, refusal

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
    typer.echo(table.as_json(result) if as_json else table.as_markdown(result))
