"""`idiff answer`: makes an Answer Model release from labelled pairs. Needs the `train` extra; imports it late."""

from pathlib import Path
from typing import Annotated

import typer

from idiff.answer.manifest import Precision
from idiff_models.needs import refusal, training_packages

app = typer.Typer(no_args_is_help=True)


def _square(tiles: int) -> int:
    if tiles not in (1, 4, 9):
        raise typer.BadParameter("1, 4 or 9 make a square grid")
    return tiles


Pairs = Annotated[Path, typer.Argument(help="Pairs: .csv, or the challenge's .jsonl.", dir_okay=False)]
Cache = Annotated[Path, typer.Option(help="The cache's folder.", file_okay=False)]
Root = Annotated[Path | None, typer.Option(help="Folder of the files' names; default the list's own.")]
RunFile = Annotated[Path, typer.Argument(help="The run's TOML file.", dir_okay=False)]
Side = Annotated[int, typer.Option(min=32, max=1024, help="Side of a cached view, pixels.")]
Tiles = Annotated[int, typer.Option(help="Native windows of the crop: 1, 4 or 9.", callback=_square)]
Workers = Annotated[int, typer.Option(min=1, help="How many at a time, one thread each.")]


@app.callback()
def checked() -> None:
    """Make an Answer Model release from labelled pairs."""


@app.command()
def scenes(
    photos: Annotated[Path, typer.Argument(help="Folder of pristine JPEG photographs.", file_okay=False, exists=True)],
    cache: Cache,
    count: Annotated[int, typer.Option(min=1, help="Scenes to train on.")] = 9000,
    validation: Annotated[int, typer.Option(min=1, help="Scenes of other photographs, for validation.")] = 160,
    renditions: Annotated[int, typer.Option(min=2, max=6, help="Of a scene; every two are a pair.")] = 4,
    side: Side = 256,
    tiles: Annotated[int, typer.Option(min=1, max=9, help="Native windows of the crop that are kept.")] = 2,
    seed: Annotated[int, typer.Option(min=0, help="Decides every scene.")] = 42,
    labels: Annotated[Path | None, typer.Option(help="CSV photo,category; others are routed.", exists=True)] = None,
    workers: Workers = 2,
) -> None:
    """Render scenes of the degradation engine, labelled by rule and metric, to a cache that `fit` trains from."""
    training_packages()
    from idiff_models.answer.cache import Drawn, build
    from idiff_models.answer.photos import LABELS, Split, categories

    sizes: dict[Split, int] = {"validation": validation, "train": count}
    try:
        for split, number in sizes.items():
            drawn = Drawn(number, renditions, seed, side, tiles)
            build(photos, cache, split, drawn, workers, categories(labels or LABELS))
    except (OSError, ValueError) as error:
        raise refusal(error) from error
    typer.echo(f"{cache}: {count} train, {validation} validation")


@app.command()
def render(
    pairs: Annotated[list[Path], typer.Argument(help="Pairs: .csv, or the challenge's .jsonl.", dir_okay=False)],
    cache: Cache,
    side: Side = 256,
    split: Annotated[str, typer.Option(help="The split they become.")] = "train",
    validation_share: Annotated[float, typer.Option(min=0, max=0.9, help="Of the first list's.")] = 0.0,
    tiles: Tiles = 4,
    root: Annotated[Path | None, typer.Option(help="Folder of the first list's names; default its own.")] = None,
    workers: Workers = 2,
) -> None:
    """Render one or more lists of labelled pairs, pseudo-labels too, to a cache that `fit` trains from."""
    training_packages()
    from idiff_models.answer.render import RenderError
    from idiff_models.answer.render import render as rendered
    from idiff_models.pairs import PairsError

    try:
        made = rendered(pairs, cache, side, split, validation_share, tiles, workers, root)
    except (PairsError, RenderError) as error:
        raise refusal(error) from error
    typer.echo(f"{cache}: " + ", ".join(f"{count} {name}" for name, count in made.items()))


@app.command()
def fit(
    run: RunFile,
    resume: Annotated[bool, typer.Option("--resume", help="Go on from the last checkpoint, if there is one.")] = False,
    out: Annotated[Path | None, typer.Option(help="The run's folder; default .work/answer/runs/<name>.")] = None,
) -> None:
    """Train one member as a TOML file says. For several GPUs: torchrun ... -m idiff_models.answer.fit RUN.toml."""
    training_packages()
    from idiff_models.answer.training import launch

    raise typer.Exit(launch.one(run, resume, out))


@app.command()
def export(
    runs: Annotated[list[Path], typer.Argument(help="Run folders, each with its member.pt.", file_okay=False)],
    cache: Cache,
    out: Annotated[Path, typer.Option(help="The release's folder.", file_okay=False)],
    version: Annotated[str, typer.Option(help="The release's name.")],
    precision: Annotated[
        Precision,
        typer.Option(help="Of the encoders; refused unless like fp32. A member whom int8 fails ships as fp16."),
    ] = "fp16",
    tiles: Tiles = 4,
    workers: Workers = 1,
) -> None:
    """Export trained members to a release, held against torch and fp32 on the cache. Then run `idiff calibrate`."""
    training_packages()
    from idiff_models.answer.release import ExportRefused, export_all
    from idiff_models.answer.training import RunError

    training = {"command": "idiff answer export", "precision": precision}
    try:
        manifest = export_all(runs, out, cache, precision, tiles, workers, version, training)
    except (ExportRefused, RunError) as error:
        raise refusal(error) from error
    for run in runs:
        typer.echo(f"{run.name}: {manifest.training[run.name]}")
    typer.echo(f"{out}: {len(manifest.members)} members, not calibrated")


@app.command()
def pseudo(
    pairs: Pairs,
    out: Annotated[Path, typer.Option(help="CSV file of the pairs it is sure of; its provenance beside it as .json.")],
    release: Annotated[Path | None, typer.Option(help="Release folder; IDIFF_RELEASE, else the bundled one.")] = None,
    confidence: Annotated[float, typer.Option(min=0.5, max=1, help="Least calibrated confidence.")] = 0.9,
    soft: Annotated[bool, typer.Option("--soft", help="Targets are probabilities instead of 0 and 1.")] = False,
    root: Root = None,
    workers: Workers = 1,
) -> None:
    """Label unlabelled pairs with a release where it is sure (pseudo-labels), to be rendered and trained on."""
    from idiff.config import Settings
    from idiff.errors import IdiffError
    from idiff_models.pairs import PairsError
    from idiff_models.pairs.pseudo import pseudo_label

    try:
        made = pseudo_label(pairs, release or Settings().release_folder, out, confidence, soft, root, workers)
    except (PairsError, IdiffError, ValueError) as error:
        raise refusal(error) from error
    typer.echo(f"{out}: {made.kept} of {made.scored} unlabelled pairs, by {made.release}")


@app.command()
def tables(
    run: RunFile,
    out: Annotated[Path, typer.Option(help="Folder for the runs and tables.md.", file_okay=False)],
    train: Annotated[Path | None, typer.Option(help="Labelled pairs to render into the run's cache first.")] = None,
    test: Annotated[Path | None, typer.Option(help="Labelled pairs to judge, rendered likewise.")] = None,
    root: Root = None,
    family: Annotated[list[str] | None, typer.Option(help="Only these backbones; default all five.")] = None,
    workers: Workers = 2,
) -> None:
    """The structure of the paper's Tables 2 and 3: what splitting, specialists, ensemble and weights gain.

    The TOML file gives sizes and recipe of every run. Its cache needs the splits train, validation and test; `--train`
    and `--test` render them from labelled pairs.
    """
    training_packages()
    from idiff_models.answer.backbones import FAMILIES
    from idiff_models.answer.render import RenderError
    from idiff_models.answer.render import render as rendered
    from idiff_models.answer.training import RunConfig, RunError
    from idiff_models.evaluate.tables import make_tables, to_markdown
    from idiff_models.pairs import PairsError

    try:
        base = RunConfig.read(run)
        for split, pairs, share in (("train", train, 0.1), ("test", test, 0.0)):
            if pairs is not None:
                rendered([pairs], base.cache, max(256, base.side), split, share, workers=workers, root=root)
        families = tuple(family or FAMILIES)
        made = make_tables(base, out, families, "convnext" if "convnext" in families else families[0], workers)
    except (PairsError, RenderError, RunError) as error:
        raise refusal(error) from error
    text = to_markdown(made, base)
    (out / "tables.md").write_text(text + "\n")
    typer.echo(text)
