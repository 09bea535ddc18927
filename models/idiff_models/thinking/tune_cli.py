"""The part of `idiff thinking` that makes what a model is trained on, and what goes with it."""

from pathlib import Path
from typing import Annotated

import typer

from idiff.thinking.families import FamilyName
from idiff.thinking.prompt import Wording
from idiff_models.needs import packages, refusal
from idiff_models.thinking.stages import Answers, Stage, Text

IqaUrl = Annotated[str | None, typer.Option(help="Base URL of an IQA service, whose scores the prompts then tell.")]
File = Annotated[Path, typer.Argument(exists=True, dir_okay=False, help="JSONL of the RAIM challenge's form.")]
Root = Annotated[Path | None, typer.Option(help="Folder that the pictures' paths are relative to.")]
Adapter = Annotated[Path, typer.Argument(exists=True, file_okay=False, help="Folder of a peft adapter.")]
Lines = Annotated[tuple[int, int], typer.Option(help="Fewest and most lines before the summary.", metavar="MIN MAX")]
Base = Annotated[str, typer.Option(help="Folder or hub name of the checkpoint it was trained on.")]


def dataset(
    labelled: Annotated[
        Path, typer.Argument(exists=True, dir_okay=False, help="The challenge's .jsonl, or labelled pairs as .csv.")
    ],
    out: Annotated[Path, typer.Option(help="Folder for sft.jsonl, grpo.jsonl and the views.", file_okay=False)],
    root: Root = None,
    pairs: Annotated[
        Path | None, typer.Option(help="Another list of the pairs' photos, by the same names.", exists=True)
    ] = None,
    text: Annotated[
        Text | None,
        typer.Option(help="What SFT teaches to write; of a .csv, which has no experts' words, by default nothing."),
    ] = None,
    complete: Annotated[
        bool,
        typer.Option(
            "--complete/--as-written",
            help="End a rationale that has no summary with one made from whom its lines favour and the answer.",
        ),
    ] = True,
    lines: Lines = (4, 7),
    stage: Annotated[Stage, typer.Option(help="What the prompt holds: Table 4.")] = "answer",
    answers: Annotated[Answers, typer.Option(help="Whose answer the prompt gives: Table 8.")] = "truth",
    wording: Annotated[
        Wording,
        typer.Option(help="The paper's names a winner even where votes split."),
    ] = "idiff",
    family: Annotated[FamilyName, typer.Option(help="Of the model that is trained.")] = "qwen3-vl",
    iqa_url: IqaUrl = None,
    release: Annotated[Path | None, typer.Option(help="Answer Model release; the bundled one by default.")] = None,
) -> None:
    """Rows for ms-swift's SFT and GRPO: the service's own views and prompts, and the experts' rationales."""
    packages(("onnxruntime", "cv2", "tqdm"), "cpu,evaluate")
    from idiff.errors import IdiffError
    from idiff_models.pairs import PairsError, read_pairs
    from idiff_models.pairs.challenge import read_told
    from idiff_models.thinking.asking import Asked
    from idiff_models.thinking.dataset import write

    told = labelled.suffix.lower() == ".jsonl"
    text = text or ("experts" if told else "none")
    if text == "experts" and not told:
        raise refusal(f"{labelled} has no experts' rationales: choose --text measured or none")
    try:
        asked = Asked(stage, answers, wording, lines, family=family, iqa=iqa_url)
        written = read_told(labelled) if text == "experts" else []
        photos = read_pairs(pairs or labelled, root)
        done = write(photos, written, out, asked, text=text, complete=complete, release=release)
    except (PairsError, IdiffError, ValueError) as error:
        raise refusal(error) from error
    taught = f"{done.sft} rows in sft.jsonl, " if done.sft else ""
    typer.echo(f"{out}: {taught}{done.grpo} in grpo.jsonl, stage {stage}, answers {answers}")
    for note in done.notes():
        typer.echo(note)


def ratings(
    rated: Annotated[
        Path, typer.Argument(exists=True, dir_okay=False, help="CSV: image, set, and attributes, more being better.")
    ],
    out: Annotated[Path, typer.Option(help="Folder for attributes.jsonl and the views.", file_okay=False)],
    root: Root = None,
    rounds: Annotated[int, typer.Option(min=1, help="How often each photograph is shown.")] = 4,
    family: Annotated[FamilyName, typer.Option(help="Of the model that is trained.")] = "qwen3-vl",
) -> None:
    """Rows for ms-swift's GRPO on attributes: photographs of one set side by side, and how good people say they are, a
    higher number being better."""
    packages(("cv2", "tqdm"), "cpu,evaluate")
    from idiff_models.thinking.asking import Asked
    from idiff_models.thinking.ratings import RatingsError, read_ratings, write

    try:
        rows = write(read_ratings(rated, root), out, family, Asked.pixels, rounds)
    except RatingsError as error:
        raise refusal(error) from error
    typer.echo(f"{out}: {rows} rows in attributes.jsonl")


def canary(
    adapter: Adapter,
    base: Base,
    family: Annotated[FamilyName, typer.Option(help="Its family.")] = "qwen3-vl",
) -> None:
    """Write canary.json beside an adapter: what it says of a fixed pair, for servers to be checked against."""
    packages(("torch", "transformers", "peft", "cv2"), "cpu,tune")
    from idiff_models.thinking import canary as maker

    try:
        path = maker.write(base, adapter, family)
    except (maker.CanaryFailed, OSError) as error:
        raise refusal(error) from error
    typer.echo(f"wrote {path}")


def merge(
    adapter: Adapter,
    base: Base,
    out: Annotated[Path, typer.Option(help="Folder of the new checkpoint.", file_okay=False)],
) -> None:
    """Make an adapter part of its checkpoint, for a server without LoRA."""
    packages(("torch", "transformers", "peft"), "cpu,tune")
    from idiff_models.thinking import merge as merger

    try:
        merger.merge(base, adapter, out)
    except (OSError, ValueError) as error:
        raise refusal(error) from error
    typer.echo(f"{out}: {base} with {adapter}; serve it with MERGED={out} in place of ADAPTER")
