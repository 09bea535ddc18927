"""`idiff evaluate`: how good a release is on a labelled set."""

import shlex
from pathlib import Path
from typing import Annotated

import typer

from idiff_models.needs import packages, refusal

app = typer.Typer()


@app.command()
def evaluate(
    pairs: Annotated[Path, typer.Argument(help="Labelled pairs: .csv, or the RAIM challenge's .jsonl.")],
    out: Annotated[Path, typer.Option(help="Folder for report.md, report.json, the plots and gallery.html.")],
    release: Annotated[Path | None, typer.Option(help="Release folder; IDIFF_RELEASE, else the bundled one.")] = None,
    root: Annotated[Path | None, typer.Option(help="Folder that the photos' paths are relative to.")] = None,
    judges: Annotated[str, typer.Option(help="NIQE and others: auto (installed ones), none, or names.")] = "auto",
    gallery: Annotated[int, typer.Option(min=0, help="Most cases a section of gallery.html; 0 writes none.")] = 6,
    workers: Annotated[int, typer.Option(min=1, help="Processes, one thread each.")] = 1,
    as_json: Annotated[bool, typer.Option("--json", help="Print report.json instead of the figures.")] = False,
) -> None:
    """Accuracy, calibration and swap consistency of a release on labelled pairs, beside simple judges."""
    packages(("numpy", "onnxruntime", "matplotlib", "tqdm"), "cpu,evaluate")
    from idiff.errors import IdiffError
    from idiff_models.evaluate import run
    from idiff_models.evaluate.markdown import headline
    from idiff_models.pairs import PairsError

    given = [("--release", release), ("--root", root), ("--judges", judges), ("--out", out)]
    options = [text for name, value in given if value is not None for text in (name, str(value))]
    command = shlex.join(["idiff", "evaluate", str(pairs), *options])
    try:
        done = run.evaluate(pairs, out, release, root, run.chosen_judges(judges), gallery, workers, command)
    except (PairsError, IdiffError, ImportError, run.NothingToMeasure) as error:
        raise refusal(error) from error
    except OSError as error:
        raise refusal(f"{error.filename}: {error.strerror}") from error
    typer.echo(done.report_json if as_json else headline(done.summary, done.subject, out))
