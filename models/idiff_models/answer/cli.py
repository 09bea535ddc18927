"""`idiff answer`: makes an Answer Model release from photographs. Needs the `train` extra; imports it late."""

import importlib.util
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from idiff_models.evaluate.report import Report

app = typer.Typer(help="Make an Answer Model release: pairs, train, export, release, evaluate.", no_args_is_help=True)

Work = Annotated[Path, typer.Option(help="Folder for pairs, checkpoints and figures.", file_okay=False)]
Out = Annotated[Path, typer.Option(help="The release's folder.", file_okay=False)]
Data = Annotated[
    Path | None, typer.Option(help="Folder with photos/ and camera_pairs/; default IDIFF_DATA.", exists=True)
]
Workers = Annotated[int, typer.Option(min=1, help="Processes, one thread each.")]

WORK = Path(".work/answer")
OUT = Path("models/releases/starter")


def _needs_training_packages() -> None:
    missing = [name for name in ("torch", "timm", "onnx", "onnxscript", "onnxruntime", "tqdm") if not _there(name)]
    if missing:
        typer.echo(f"not installed: {', '.join(missing)}. Run: pip install 'idiff[cpu,train]'", err=True)
        raise typer.Exit(2)


def _there(name: str) -> bool:
    return importlib.util.find_spec(name) is not None


@app.callback()
def checked() -> None:
    """Make an Answer Model release from photographs."""


@app.command()
def pairs(work: Work = WORK, data: Data = None, workers: Workers = 2) -> None:
    """Render training and validation scenes once to disk (about 5 GB); kept where they exist."""
    _needs_training_packages()
    from idiff_models.answer import steps

    steps.pairs(work, data, workers)


@app.command()
def train(work: Work = WORK, workers: Workers = 2) -> None:
    """Train the general stage and both specialists of every family; finished ones are kept."""
    _needs_training_packages()
    from idiff_models.answer import steps

    steps.train(work, workers)


@app.command()
def export(work: Work = WORK, out: Out = OUT, workers: Workers = 2) -> None:
    """Write every specialist's two ONNX graphs and an uncalibrated manifest."""
    _needs_training_packages()
    from idiff_models.answer import steps

    steps.export(work, out, workers)


@app.command()
def release(work: Work = WORK, out: Out = OUT, data: Data = None, workers: Workers = 2) -> None:
    """Calibrate the exported graphs on the validation pairs and complete the manifest."""
    _needs_training_packages()
    from idiff_models.answer import steps

    steps.release(work, out, data, workers)


@app.command()
def evaluate(work: Work = WORK, out: Out = OUT, data: Data = None, workers: Workers = 2) -> None:
    """Measure the release on unseen scenes against every single statistic; write manifest figures and model card."""
    _needs_training_packages()
    from idiff_models.answer import steps

    _report(steps.evaluate(work, out, data, workers))


@app.command()
def starter(work: Work = WORK, out: Out = OUT, data: Data = None, workers: Workers = 2) -> None:
    """All of it, in order; run again after a stop, it goes on where it was."""
    _needs_training_packages()
    from idiff_models.answer import steps

    steps.pairs(work, data, workers)
    steps.train(work, workers)
    steps.export(work, out, workers)
    steps.release(work, out, data, workers)
    _report(steps.evaluate(work, out, data, workers))


def _report(report: "Report") -> None:
    best = report.best_statistic
    typer.echo(f"release {report.overall}; best single statistic, {best.name}, {best.test}")
    if report.overall.value <= best.test.value:
        typer.echo("the release does not beat it", err=True)
        raise typer.Exit(1)
