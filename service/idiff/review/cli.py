"""`idiff gate`."""

from pathlib import Path
from typing import Annotated

import httpx
import typer
from pydantic import ValidationError

from idiff import report
from idiff.client import ServiceError
from idiff.errors import IdiffError
from idiff.review import markdown
from idiff.review.gate import Outcome, TooClose, decide
from idiff.review.judging import ApiKey, AtOnce, Judged, Url, judge
from idiff.review.pairs import Matched, match
from idiff.schemas import CategoryOption
from idiff.terminal import refusal

Folder = Annotated[Path, typer.Argument(exists=True, file_okay=False, help="Folder of photos.")]


def gate(
    before: Folder,
    after: Folder,
    fail_under: Annotated[float, typer.Option(min=0, max=1, help="Least share of pairs with after preferred.")] = 0.5,
    min_pairs: Annotated[int, typer.Option(min=1, help="Fail where fewer pairs could be judged.")] = 1,
    too_close: Annotated[
        TooClose, typer.Option(help="What a verdict too close to call counts: half, or the side it names.")
    ] = "half",
    category: Annotated[CategoryOption, typer.Option(help="Judge as person or scene pairs.")] = "auto",
    summary: Annotated[Path | None, typer.Option(help="Write a Markdown summary, as for GITHUB_STEP_SUMMARY.")] = None,
    at_once: AtOnce = 2,
    url: Url = None,
    api_key: ApiKey = None,
) -> None:
    """Fail where photos got worse: each photo of AFTER against the one of the same name in BEFORE.

    Exit status 0 where enough of AFTER is preferred; 1 where not, where a photo cannot be judged or pairs are too few;
    2 where the gate itself could not work.
    """
    matched = match(before, after, category)
    for side, names in ((after, matched.only_first), (before, matched.only_second)):
        for name in names:
            typer.echo(f"not in {side}: {name}", err=True)
    if not matched.pairs:
        raise refusal("no_pairs", f"no photo in {after} has the name of one in {before}")
    judged = _judged(matched, url, api_key, at_once)
    outcome = decide(judged, fail_under, min_pairs, too_close)
    if summary:
        try:
            summary.write_text(markdown.summary(outcome, matched, fail_under), encoding="utf-8")
        except OSError as error:
            raise refusal("unwritable", f"{summary}: {error.strerror}") from error
    _tell(outcome)
    raise typer.Exit(1 if outcome.reasons else 0)


def _judged(matched: Matched, url: str | None, api_key: str | None, at_once: int) -> list[Judged]:
    try:
        judged = judge(matched.pairs, url=url, api_key=api_key, rationale="measured", at_once=at_once)
    except (ServiceError, IdiffError) as error:
        raise refusal(error.code, error.message) from error
    except httpx.TransportError as error:
        raise refusal("unreachable", f"no service answers at {url}: {error}") from error
    except ValidationError as error:
        raise refusal("invalid_setting", str(error)) from error
    for one in judged:
        if one.failure and not one.failure.of_the_photo:
            raise refusal(one.failure.code, f"{one.pair.name}: {one.failure.message}")
    return judged


def _tell(outcome: Outcome) -> None:
    for one in outcome.failed:
        if one.failure:
            typer.echo(f"not judged: {one.pair.name}: {one.failure.code}: {one.failure.message}", err=True)
    for one in outcome.worst:
        if one.answer:
            typer.echo(f"worse: {one.pair.name}: {report.sureness(one.answer.verdict)} sure")
    counts = f"better {outcome.better}, too close {outcome.close}, worse {outcome.worse}"
    share = f"after is preferred in {outcome.share}: {counts}" if outcome.share.pairs else "no pair was judged"
    typer.echo(share)
    typer.echo(f"failed: {'; '.join(outcome.reasons)}" if outcome.reasons else "passed")
