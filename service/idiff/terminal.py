"""What commands have in common."""

import typer


def refusal(code: str, message: str) -> typer.Exit:
    """One line on stderr and exit status 2: the command could not do what it was asked to."""
    typer.echo(f"idiff: {code}: {message}", err=True)
    return typer.Exit(2)
