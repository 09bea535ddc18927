"""`idiff starter`: makes the bundled release from public photographs, step by step or all at once."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Annotated

import typer

from idiff_models.needs import refusal, training_packages

if TYPE_CHECKING:
    from idiff_models.evaluate.summary import Summary

app = typer.Typer(no_args_is_help=True)

Work = Annotated[Path, typer.Option(help="Folder for scenes, runs and figures.", file_okay=False)]
Out = Annotated[Path, typer.Option(help="The release's folder.", file_okay=False)]
Data = Annotated[
    Path | None, typer.Option(help="Folder with photos/ and camera_pairs/; default IDIFF_DATA.", exists=True)
]
Workers = Annotated[int, typer.Option(min=1, help="Processes, one thread each.")]
Family = Annotated[list[str] | None, typer.Option(help="Only this family; may be repeated.")]

WORK = Path(".work/starter")
OUT = Path("models/releases/starter")


@contextmanager
def _steps() -> Iterator[ModuleType]:
    """The recipe's steps; what they need installed is asked for first, and what one cannot do becomes one line."""
    training_packages()
    from idiff_models.answer import steps
    from idiff_models.answer.release import ExportRefused
    from idiff_models.answer.training import RunError

    try:
        yield steps
    except (ExportRefused, RunError) as error:
        raise refusal(error) from error


@app.callback()
def checked() -> None:
    """Make the bundled release from public photographs."""


@app.command()
def pairs(work: Work = WORK, data: Data = None, workers: Workers = 2) -> None:
    """Render the scenes once to disk (about 7 GB); kept where they exist."""
    with _steps() as steps:
        steps.pairs(work, data, workers)


@app.command()
def train(work: Work = WORK, workers: Workers = 2, family: Family = None) -> None:
    """Train a family's general member and both specialists; finished runs are kept, stopped ones go on."""
    with _steps() as steps:
        unknown = sorted(set(family or ()) - set(steps.PLAN.families))
        if unknown:
            raise refusal(f"no family is called {unknown[0][:40]!r}; known are {', '.join(steps.PLAN.families)}")
        steps.train(work, workers, steps.PLAN, family)


@app.command()
def export(work: Work = WORK, out: Out = OUT, workers: Workers = 2) -> None:
    """Write every specialist's two ONNX graphs and an uncalibrated manifest."""
    with _steps() as steps:
        steps.export(work, out, workers)


@app.command()
def reference(out: Out = OUT, data: Data = None, workers: Workers = 2) -> None:
    """Write how the measured features of training scenes are distributed, for the service to notice other pictures."""
    with _steps() as steps:
        steps.referred(out, data, workers)


@app.command()
def calibrate(out: Out = OUT, data: Data = None, workers: Workers = 2) -> None:
    """Fit confidence and tie band on the validation photographs' pairs and complete the manifest."""
    with _steps() as steps:
        steps.calibrated(out, data, workers)


@app.command()
def evaluate(work: Work = WORK, out: Out = OUT, data: Data = None, workers: Workers = 2) -> None:
    """Measure the release on unseen photographs beside simple judges; write manifest figures and model card."""
    with _steps() as steps:
        _report(steps.evaluate(work, out, data, workers))


@app.command()
def tables(work: Work = WORK, out: Out = OUT, data: Data = None, workers: Workers = 2) -> None:
    """The structure of the paper's Tables 2 and 3 on degraded pairs: twenty small, short runs."""
    with _steps() as steps:
        typer.echo(steps.tables(work, out, data, workers))


@app.command(name="all")
def everything(work: Work = WORK, out: Out = OUT, data: Data = None, workers: Workers = 2) -> None:
    """All of it, in order; run again after a stop, it goes on where it was."""
    with _steps() as steps:
        steps.begun(steps.PLAN)
        steps.pairs(work, data, workers)
        steps.train(work, workers)
        steps.export(work, out, workers)
        steps.referred(out, data, workers)
        steps.calibrated(out, data, workers)
        _report(steps.evaluate(work, out, data, workers))


def _report(summary: "Summary") -> None:
    best = summary.simple[0]
    typer.echo(f"release {summary.overall}; best simple judge, {best.name}, {best.overall}")
    if summary.overall.value <= best.overall.value:
        typer.echo("the release does not beat it", err=True)
        raise typer.Exit(1)
