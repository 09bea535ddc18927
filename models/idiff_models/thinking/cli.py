"""`idiff thinking`: data for the Thinking Model, and its figures."""

import json
from pathlib import Path
from typing import Annotated

import typer

from idiff_models.needs import packages, refusal

app = typer.Typer(no_args_is_help=True)

File = Annotated[Path, typer.Argument(exists=True, dir_okay=False, help="JSONL of the RAIM challenge's form.")]


@app.callback()
def thinking() -> None:
    """The Thinking Model: what it is trained on and how it is measured."""


@app.command()
def score(
    predictions: File,
    references: File,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON instead of Markdown.")] = False,
) -> None:
    """BLEU-4 and ROUGE-L of rationales against the experts', by two scorers, beside a canned text's."""
    packages(("nltk", "rouge_score", "rouge", "jieba"), "cpu,evaluate,text")
    from idiff_models.evaluate.text import report
    from idiff_models.pairs import PairsError
    from idiff_models.pairs.challenge import read_told

    try:
        done = report.score(read_told(predictions), read_told(references))
    except (PairsError, report.NothingToScore) as error:
        raise refusal(error) from error
    typer.echo(json.dumps(report.to_json(done), indent=2) if as_json else report.to_markdown(done))
