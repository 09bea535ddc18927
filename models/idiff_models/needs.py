"""What the commands need installed, said before they start; and how they refuse."""

import importlib.util

import typer

TRAINING = ("torch", "timm", "onnx", "onnxscript", "onnxruntime", "piq", "tqdm", "matplotlib")


def there(name: str) -> bool:
    """Whether a package is installed; it is not imported."""
    return importlib.util.find_spec(name) is not None


def packages(names: tuple[str, ...], extras: str) -> None:
    """Ends the command with what to install where a package is missing."""
    missing = [name for name in names if not there(name)]
    if missing:
        raise refusal(f"not installed: {', '.join(missing)}. Run: pip install 'idiff[{extras}]'")


def training_packages() -> None:
    """The same for what trains and exports members."""
    packages(TRAINING, "cpu,train")


def refusal(message: object) -> typer.Exit:
    """One line on stderr and exit status 2."""
    typer.echo(f"idiff: {message}", err=True)
    return typer.Exit(2)
