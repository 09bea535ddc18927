"""The `idiff` command. Other packages add commands, functions or Typers, through the entry points `idiff.commands`."""

import asyncio
from collections.abc import Callable
from importlib.metadata import entry_points
from pathlib import Path
from typing import Annotated

import httpx
import typer
from pydantic import ValidationError

from idiff import __version__, rank_cli, release_cli, report
from idiff.bulk.cli import bulk
from idiff.client import Client, ServiceError
from idiff.keys import KeysRefused, new
from idiff.review.cli import gate
from idiff.schemas import AttributesOption, CategoryOption, Comparison, RationaleOption
from idiff.terminal import refusal

app = typer.Typer(help="Which of two photos a professional would prefer, how sure, and why.", no_args_is_help=True)
app.add_typer(release_cli.app, name="release")
app.command()(bulk)
app.command()(rank_cli.rank)
app.command()(gate)

Photo = Annotated[Path, typer.Argument(exists=True, dir_okay=False, readable=True)]


def _version(wanted: bool) -> None:
    if wanted:
        typer.echo(__version__)
        raise typer.Exit


@app.callback()
def root(
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Print the version and exit.")
    ] = False,
) -> None:
    """Which of two photos a professional would prefer, how sure, and why."""


@app.command()
def compare(
    image_a: Photo,
    image_b: Photo,
    category: Annotated[CategoryOption, typer.Option(help="Judge as a person or a scene pair.")] = "auto",
    rationale: Annotated[RationaleOption, typer.Option(help="Who explains the verdict.")] = "auto",
    attributes: Annotated[bool, typer.Option("--attributes", help="Let the Thinking Model score both photos.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print the whole answer as JSON.")] = False,
    url: Annotated[str | None, typer.Option(help="Ask this service instead of comparing in process.")] = None,
    api_key: Annotated[
        str | None, typer.Option(envvar="IDIFF_API_KEY", help="Its API key, where it asks for one.")
    ] = None,
) -> None:
    """Compare two photos of the same scene."""
    rated: AttributesOption = "true" if attributes else "false"
    try:
        if url:
            with Client(url, api_key=api_key) as client:
                answer = client.compare(image_a, image_b, category=category, rationale=rationale, attributes=rated)
        else:
            answer = _in_process(image_a, image_b, category, rationale, rated)
    except ServiceError as error:
        raise refusal(error.detail.code, error.detail.message) from error
    except httpx.TransportError as error:
        raise refusal("unreachable", f"no service answers at {url}: {error}") from error
    typer.echo(answer.model_dump_json(indent=2) if as_json else report.text(answer))


@app.command()
def serve(
    host: Annotated[str | None, typer.Option(help="Address to listen on; IDIFF_HOST, else 127.0.0.1.")] = None,
    port: Annotated[int | None, typer.Option(min=1, max=65535, help="Port; IDIFF_PORT, else 8000.")] = None,
) -> None:
    """Run the service until it is told to stop."""
    from idiff.serve import run
    from idiff.tracing import TracingUnavailable

    try:
        run(host, port)
    except (ValidationError, KeysRefused, TracingUnavailable) as error:
        raise refusal("invalid_setting", str(error)) from error


@app.command()
def key(name: Annotated[str, typer.Argument(help="Who it is for: letters, digits, - and _.")]) -> None:
    """Make an API key: the key itself, to be given away, and what goes into the file that IDIFF_API_KEYS names."""
    secret, digest = new()
    typer.echo(f"{secret}\n", err=True)
    typer.echo(f'[keys.{name}]\nsha256 = "{digest}"\n# per_second = 5.0\n# at_once = 4')


@app.command()
def demo(port: Annotated[int, typer.Option(help="Port of the service; started there if none answers.")] = 8000) -> None:
    """Compare the bundled sample pair over HTTP."""
    from idiff.demo import run

    run(port)


def _in_process(
    image_a: Path, image_b: Path, category: CategoryOption, rationale: RationaleOption, attributes: AttributesOption
) -> Comparison:
    """The service's own pipeline, without a server."""
    from idiff.errors import IdiffError
    from idiff.local import local

    async def compared() -> Comparison:
        async with local(rationale) as judge:
            return await judge.compare(image_a, image_b, category=category, rationale=rationale, attributes=attributes)

    try:
        return asyncio.run(compared())
    except IdiffError as error:
        raise refusal(error.code, error.message) from error
    except ValidationError as error:
        raise refusal("invalid_setting", str(error)) from error


def attach(target: typer.Typer, name: str, command: typer.Typer | Callable[..., object]) -> None:
    """Add a command that another package provides: a function or a Typer.

    A Typer of one command and no callback becomes that command, as it would by itself; any other becomes a group.
    """
    if not isinstance(command, typer.Typer):
        target.command(name)(command)
    elif len(command.registered_commands) == 1 and not command.registered_groups and not command.registered_callback:
        (only,) = command.registered_commands
        assert only.callback is not None
        target.command(name)(only.callback)
    else:
        target.add_typer(command, name=name)


def main() -> None:
    """Entry point of the console script."""
    for command in entry_points(group="idiff.commands"):
        attach(app, command.name, command.load())
    app()
