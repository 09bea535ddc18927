"""`idiff calibrate`: writes a release calibrated on labelled pairs. Imports late, as every command does."""

import hashlib
from pathlib import Path
from typing import Annotated

import typer

from idiff.types import Rule
from idiff_models.needs import packages, refusal


def calibrate(
    pairs: Annotated[Path, typer.Argument(help="Labelled pairs, CSV or the challenge's JSONL.")],
    out: Annotated[Path, typer.Option(help="Folder to make for the new release.", file_okay=False)],
    release: Annotated[
        Path | None, typer.Option(help="Release to calibrate; IDIFF_RELEASE or the bundled starter.", file_okay=False)
    ] = None,
    goal: Annotated[
        float, typer.Option(min=0.51, max=1, help="Accuracy wanted of verdicts that are not too close.")
    ] = 0.9,
    most_ties: Annotated[float, typer.Option(min=0, max=0.95, help="Most of the pairs that may be too close.")] = 0.5,
    min_pairs: Annotated[int, typer.Option(min=10, help="Fewest pairs a category is calibrated on.")] = 30,
    rule: Annotated[
        Rule | None, typer.Option(help="Also change how votes are combined; the release's own rule.")
    ] = None,
    root: Annotated[Path | None, typer.Option(help="Folder that the photos' paths are relative to.")] = None,
    workers: Annotated[int, typer.Option(min=1, help="Processes, one thread each.")] = 1,
) -> None:
    """Calibrate a release on your own labelled pairs: how sure it may be, and which pairs are too close to call."""
    packages(("onnxruntime", "tqdm"), "cpu,evaluate")
    from pydantic import ValidationError

    from idiff.answer.release import load
    from idiff.config import Settings
    from idiff.errors import IdiffError
    from idiff_models.calibrate.folder import write_release
    from idiff_models.calibrate.recalibrate import CannotCalibrate, Source, Wanted, recalibrate, report
    from idiff_models.evaluate.pairwise import judge_pairs
    from idiff_models.pairs import PairsError, read_pairs

    try:
        folder = release or Settings().release_folder
        old = load(folder).manifest
        if out.exists():
            raise FileExistsError(f"{out} exists; name a new folder")
        labelled = [pair for pair in read_pairs(pairs, root) if pair.target is not None]
        wanted = Wanted(goal, most_ties, min_pairs, rule)
        source = Source(pairs.name, hashlib.sha256(pairs.read_bytes()).hexdigest())
        judged = judge_pairs(labelled, folder, workers, statistics=False, swapped=False)
        for pair in judged:
            if pair.error:
                typer.echo(f"{pair.name} is left out: {pair.error}", err=True)
        judged = [pair for pair in judged if not pair.error]
        new = recalibrate(old, judged, source, wanted)
        write_release(folder, new, out)
    except IdiffError as error:
        raise refusal(error.message) from error
    except (PairsError, CannotCalibrate, ValidationError, OSError) as error:
        raise refusal(error) from error
    typer.echo("\n".join(report(old, new, judged, wanted)))
    typer.echo(f"wrote {out}: {new.version}")
