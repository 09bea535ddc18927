"""`idiff report`: who wins over many pairs, as one HTML file."""

import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from idiff.review.judging import ApiKey, AtOnce, Judged, Url, judge
from idiff.schemas import RationaleOption
from idiff_models.needs import packages, refusal

if TYPE_CHECKING:
    from idiff.review.pairs import Pair
    from idiff_models.report.page import Thumbnails

app = typer.Typer()


@app.command()
def report(
    pairs: Annotated[
        Path,
        typer.Argument(exists=True, help="A .csv with image_a,image_b[,category][,label], or a folder of two folders."),
    ],
    out: Annotated[Path, typer.Option(help="The HTML file.")] = Path("report.html"),
    root: Annotated[Path | None, typer.Option(help="Folder that the photos' paths are relative to.")] = None,
    title: Annotated[str, typer.Option(help="Heading of the report; by default it names PAIRS.")] = "",
    names: Annotated[tuple[str, str] | None, typer.Option(help="What A and B are, or which two folders.")] = None,
    rationale: Annotated[RationaleOption, typer.Option(help="Who explains the verdicts.")] = "measured",
    thumbnail: Annotated[int, typer.Option(min=0, max=512, help="Longer side of a photo, pixels; 0: none.")] = 160,
    at_once: AtOnce = 2,
    url: Url = None,
    api_key: ApiKey = None,
) -> None:
    """Wins by category, confidence, and the measured differences that go with them, over pairs of photos A and B."""
    packages(("numpy", "cv2", "jinja2", *(() if url else ("onnxruntime",))), "cpu,evaluate")
    import httpx
    from pydantic import ValidationError

    from idiff.client import ServiceError
    from idiff.errors import IdiffError
    from idiff_models.pairs import PairsError
    from idiff_models.report import page, source
    from idiff_models.report.summary import Row, summarise

    try:
        read = source.read(pairs, root, names)
        judged = judge(read.pairs, url=url, api_key=api_key, rationale=rationale, at_once=at_once)
        rows = [
            Row(one.pair.name, read.kinds.get(one.pair.name, ""), read.labels.get(one.pair.name), one.answer)
            for one in judged
            if one.answer
        ]
        failed = [one for one in judged if one.failure]
        if not rows:
            raise refusal(_first(failed))
        summary = summarise(rows)
        shown = _thumbnails([one.pair for one in judged if one.answer], thumbnail, at_once) if thumbnail else {}
        page.write(out, title or f"A/B report: {pairs.name}", read, rows, failed, summary, shown)
    except (PairsError, ServiceError, IdiffError, ValidationError) as error:
        raise refusal(error) from error
    except httpx.TransportError as error:
        raise refusal(f"unreachable: no service answers at {url}: {error}") from error
    except OSError as error:
        raise refusal(f"{error.filename}: {error.strerror}") from error
    whole = summary.everything
    typer.echo(f"{read.sides[1]} is preferred in {whole.b_preferred} of {len(rows)} pairs, those too close as halves")
    typer.echo(f"{read.sides[0]} wins {whole.a}, too close {whole.close}, {read.sides[1]} wins {whole.b}")
    if failed or read.alone:
        typer.echo(f"not judged {len(failed)}, without a counterpart {len(read.alone)}")
    typer.echo(f"report in {out}")


def _first(failed: list[Judged]) -> str:
    failure = failed[0].failure
    assert failure
    return f"none of {len(failed)} pairs could be judged; the first: {failure.code}: {failure.message}"


def _thumbnails(pairs: "list[Pair]", longest: int, at_once: int) -> "dict[str, Thumbnails]":
    from idiff.config import Settings
    from idiff_models.report.page import Thumbnails
    from idiff_models.report.thumbnails import thumbnail

    limit = Settings().max_pixels

    def both(pair: "Pair") -> Thumbnails:
        return Thumbnails(*(thumbnail(path, longest, limit) for path in (pair.image_a, pair.image_b)))

    with ThreadPoolExecutor(at_once) as pool:
        made = pool.map(both, pairs)
        with typer.progressbar(made, length=len(pairs), label="Thumbnails", file=sys.stderr) as bar:
            return {pair.name: found for pair, found in zip(pairs, bar, strict=True)}
