"""`idiff release`: looks into Answer Model releases. Imports the Answer Model late: other commands do without it."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from idiff.answer.manifest import Manifest

app = typer.Typer(help="Verify, show and compare Answer Model releases.", no_args_is_help=True)

Folder = Annotated[Path, typer.Argument(help="Folder with manifest.json and the graphs.")]


@app.command()
def verify(folders: Annotated[list[Path], typer.Argument(help="Release folders.")]) -> None:
    """Check manifest, checksums and every graph, a line a check; stops at the first release that fails."""
    from idiff.answer.verify import verify as checks
    from idiff.errors import ReleaseRefused

    for folder in folders:
        typer.echo(f"{folder}")
        try:
            for line in checks(folder):
                typer.echo(f"  ok  {line}")
        except ReleaseRefused as error:
            typer.echo(f"idiff: {error.code}: {error.message}", err=True)
            raise typer.Exit(1) from error


@app.command()
def show(
    folder: Folder, as_json: Annotated[bool, typer.Option("--json", help="Print the manifest as JSON.")] = False
) -> None:
    """Print what a release says of itself, unverified."""
    from idiff.answer.describe import describe

    manifest = _manifest(folder)
    typer.echo(manifest.model_dump_json(indent=2) if as_json else "\n".join(describe(manifest)))


@app.command()
def diff(old: Folder, new: Folder) -> None:
    """Print what differs between two releases, a line a difference."""
    from idiff.answer.describe import differences

    typer.echo("\n".join(differences(_manifest(old), _manifest(new))) or "no difference")


def _manifest(folder: Path) -> "Manifest":
    from idiff.answer.release import read_manifest
    from idiff.errors import ReleaseRefused

    try:
        return read_manifest(folder)
    except ReleaseRefused as error:
        typer.echo(f"idiff: {error.code}: {error.message}", err=True)
        raise typer.Exit(2) from error
