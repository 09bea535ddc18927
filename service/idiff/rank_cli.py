"""`idiff rank`: photos of one scene, best first."""

import asyncio
import shutil
import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Annotated

import httpx
import typer
from pydantic import ValidationError

from idiff.client import Client, ServiceError
from idiff.ranking import report
from idiff.ranking.schemas import Ranking, ReasonOption
from idiff.schemas import CategoryOption
from idiff.terminal import refusal


def rank(
    photos: Annotated[list[Path], typer.Argument(exists=True, dir_okay=False, readable=True, help="2 to 64 photos.")],
    category: Annotated[CategoryOption, typer.Option(help="Judge as person or scene pairs.")] = "auto",
    rationale: Annotated[ReasonOption, typer.Option(help="Who says why the best stands before the next.")] = "measured",
    as_json: Annotated[bool, typer.Option("--json", help="Print the whole answer as JSON.")] = False,
    move_best: Annotated[
        Path | None, typer.Option(metavar="DIR", file_okay=False, help="Move the best photo there; never overwrites.")
    ] = None,
    url: Annotated[str | None, typer.Option(help="Ask this service instead of ranking in process.")] = None,
    api_key: Annotated[
        str | None, typer.Option(envvar="IDIFF_API_KEY", help="Its API key, where it asks for one.")
    ] = None,
) -> None:
    """Put photos of one scene in the order in which a professional would prefer them."""
    try:
        if url:
            with Client(url, api_key=api_key) as client:
                answer = client.rank(photos, category=category, rationale=rationale)
        else:
            answer = _in_process(photos, category, rationale)
    except ServiceError as error:
        raise refusal(error.detail.code, error.detail.message) from error
    except httpx.TransportError as error:
        raise refusal("unreachable", f"no service answers at {url}: {error}") from error
    typer.echo(answer.model_dump_json(indent=2) if as_json else report.text(answer, [str(photo) for photo in photos]))
    if move_best:
        best = photos[answer.order[0]]
        try:
            target = move(best, move_best)
        except OSError as error:
            raise refusal("not_moved", f"{best} stays where it is: {error}") from error
        typer.echo(f"Moved {best} to {target}", err=as_json)


def move(file: Path, folder: Path) -> Path:
    """Move `file` into `folder`, which is made where there is none; its new path.

    Raises:
        FileExistsError: there is one of that name; nothing was changed.
        OSError: it could not be written, or not be taken away.
    """
    folder.mkdir(parents=True, exist_ok=True)
    target = folder / file.name
    with file.open("rb") as source, target.open("xb") as copy:  # a rename would overwrite
        try:
            shutil.copyfileobj(source, copy)
        except BaseException:
            target.unlink()
            raise
    shutil.copystat(file, target)
    file.unlink()
    return target


def _in_process(photos: list[Path], category: CategoryOption, rationale: ReasonOption) -> Ranking:
    """The service's own pipeline, without a server."""
    from idiff.errors import IdiffError
    from idiff.local import local
    from idiff.ranking.pipeline import STEPS

    async def ranked(progress: Callable[[], None]) -> Ranking:
        async with local(rationale) as judge:
            return await judge.rank(photos, category=category, rationale=rationale, progress=progress)

    steps, hidden = STEPS * len(photos), not sys.stderr.isatty()
    try:
        with typer.progressbar(length=steps, label="Looking", file=sys.stderr, hidden=hidden) as bar:
            return asyncio.run(ranked(partial(bar.update, 1)))
    except IdiffError as error:
        raise refusal(error.code, error.message) from error
    except ValidationError as error:
        raise refusal("invalid_setting", str(error)) from error
