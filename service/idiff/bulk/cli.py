"""`idiff bulk`. What does the work is imported late: other commands, and whole installations, do without it."""

from importlib.util import find_spec
from typing import TYPE_CHECKING, Annotated, Any, Final

import typer

from idiff.bulk import EngineName
from idiff.bulk.errors import BulkRefused
from idiff.schemas import RationaleOption

if TYPE_CHECKING:
    from idiff.bulk.summary import Summary
    from idiff.config import Settings

NEEDS: Final[dict[EngineName, tuple[str, ...]]] = {"local": ("pyarrow", "tqdm"), "ray": ("pyarrow", "tqdm", "ray")}
EXTRAS: Final[dict[EngineName, str]] = {"local": "bulk", "ray": "ray"}


def bulk(
    pairs: Annotated[str, typer.Argument(help=".parquet or .csv: image_a, image_b; optionally id, category.")],
    out: Annotated[str, typer.Option(help="Folder for the verdicts, a path or URL.")],
    root: Annotated[str | None, typer.Option(help="Where relative photos are; the list's folder by default.")] = None,
    engine: Annotated[EngineName, typer.Option(help="A Ray cluster, or processes of this machine.")] = "ray",
    workers: Annotated[
        int | None, typer.Option(min=1, help="How many; by default as many as there is room for.")
    ] = None,
    threads: Annotated[int | None, typer.Option(min=1, help="Of a worker; 1, beside a GPU IDIFF_THREADS.")] = None,
    gpus: Annotated[float, typer.Option(min=0.01, help="Of a worker on a cluster, where the provider is a GPU's.")] = 1,
    rationale: Annotated[RationaleOption, typer.Option(help="Who explains the verdicts.")] = "auto",
    thinking_url: Annotated[str | None, typer.Option(help="The vLLM server; IDIFF_THINKING_URL by default.")] = None,
    patience: Annotated[
        float, typer.Option(min=0, help="Seconds for it to come back before a rationale is measured.")
    ] = 120,
    rows_per_file: Annotated[int | None, typer.Option(min=1, help="Pairs a file; 8 to 256 by default.")] = None,
) -> None:
    """Judge a list of pairs. Run the same command again to go on where a run was killed."""
    from pydantic import ValidationError

    from idiff.errors import IdiffError

    try:
        _installed(engine)
        from idiff.bulk.run import Crew, run

        found = _settings(thinking_url)
        gpu = found.provider in ("cuda", "tensorrt")
        threads = threads or (found.threads if gpu else 1)
        if engine == "local":
            workers = workers or (1 if gpu else max(1, found.threads // threads))
        crew = Crew(engine, workers, gpus if gpu else 0)
        settings = found.model_copy(update={"threads": threads})
        summary = run(pairs, out, crew, settings, rationale, root, rows_per_file, patience)
    except (BulkRefused, IdiffError) as error:
        raise _refusal(error.code, error.message) from error
    except ValidationError as error:
        raise _refusal("invalid_setting", str(error)) from error
    typer.echo(_text(summary, out))


def _installed(engine: EngineName) -> None:
    if missing := [package for package in NEEDS[engine] if find_spec(package) is None]:
        raise BulkRefused(
            "not_installed",
            f"--engine {engine} needs {', '.join(missing)}: pip install 'idiff[cpu,{EXTRAS[engine]}]' (or gpu for cpu)",
        )


def _settings(thinking_url: str | None) -> "Settings":
    """The service's, without what it shows to some callers only: a pair's row must not depend on chance."""
    from idiff.config import Settings

    given: dict[str, Any] = {"thinking_url": thinking_url} if thinking_url else {}
    found = Settings(thinking_trial=None, thinking_trial_canary=None, shadow_release=None, **given)
    return found.model_copy(update={"release": found.release and found.release.absolute()})


def _text(summary: "Summary", out: str) -> str:
    """What became of all pairs, and how fast."""
    lines = [
        f"{out}: {summary.run.pairs} pairs, {summary.judged} judged by release {summary.run.release}",
        f"preferred: {_counts(summary.preferred)}; too close to call: {summary.too_close}",
        f"could not be judged: {_counts(summary.errors)}",
        f"rationales: {_counts(summary.rationales)}; measured because the model did not write: "
        f"{_counts(summary.fallbacks)}",
    ]
    pace = summary.pace
    lines.append(f"now: {pace.pairs} pairs in {pace.seconds:.1f} s, {pace.pairs_per_second:.2f} pairs/s")
    return "\n".join(lines)


def _counts(counts: dict[str, int]) -> str:
    return ", ".join(f"{name} {number}" for name, number in counts.items()) or "none"


def _refusal(code: str, message: str) -> typer.Exit:
    typer.echo(f"idiff: {code}: {message}", err=True)
    return typer.Exit(2)
