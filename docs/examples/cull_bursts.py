"""Watches a folder for bursts: of photos taken within seconds of each other the best goes to one folder, the others to
another. Nothing is deleted or overwritten; a burst that cannot be judged stays where it is.

    pip install . pillow
    python docs/examples/cull_bursts.py incoming --best keep --others rest --url http://127.0.0.1:8000
"""

import shutil
import time
from collections.abc import Iterator, Sequence
from itertools import pairwise
from pathlib import Path
from typing import Annotated

import httpx
import typer
from capture_time import taken

from idiff import Client, ServiceError

SUFFIXES = {".avif", ".heic", ".jpeg", ".jpg", ".png", ".tif", ".tiff", ".webp"}
BLOCK = 12
"""Photos that are ranked in one request, which must not be larger than the service takes: 64 MB unless it is told."""
Stamp = tuple[int, int]


def cull(
    incoming: Annotated[Path, typer.Argument(exists=True, file_okay=False)],
    best: Annotated[Path, typer.Option(help="Where the best of each burst goes.")],
    others: Annotated[Path, typer.Option(help="Where the others go.")],
    gap: Annotated[float, typer.Option(help="Longest time between two photos of a burst, seconds.")] = 2.0,
    every: Annotated[float, typer.Option(help="Seconds between two looks; a file that changes meanwhile waits.")] = 5.0,
    once: Annotated[bool, typer.Option(help="Stop when all that is there now is done.")] = False,
    url: str = "http://127.0.0.1:8000",
    api_key: Annotated[str | None, typer.Option(envvar="IDIFF_API_KEY")] = None,
) -> None:
    """Sort bursts as they arrive."""
    before: dict[Path, Stamp] = {}
    refused: set[Path] = set()
    with Client(url, api_key=api_key) as client:
        while True:
            now = _photos(incoming)
            arriving = {photo for photo, stamp in now.items() if before.get(photo) != stamp}
            bursts = [burst for burst in _bursts(sorted(now.keys() - refused), gap) if not arriving & set(burst)]
            for burst in bursts:
                try:
                    _sort(client, burst, best, others)
                except Unfit as error:
                    typer.echo(f"left where they are: {_names(burst)}: {error}", err=True)
                    refused |= set(burst)
                except (ServiceError, httpx.TransportError) as error:
                    typer.echo(f"asked again at the next look: {_names(burst)}: {error}", err=True)
            if once and not arriving:
                return
            before = now
            time.sleep(every)


class Unfit(Exception):
    """Photos that cannot be judged together, however often."""


def best_of(client: Client, photos: Sequence[Path]) -> Path:
    """The first of the ranking; of many photos, of the ranking of each block's first.

    Raises Unfit; ServiceError and httpx.TransportError where the service cannot answer now.
    """
    while len(photos) > 1:
        photos = [_first(client, photos[start : start + BLOCK]) for start in range(0, len(photos), BLOCK)]
    return photos[0]


def _first(client: Client, photos: Sequence[Path]) -> Path:
    if len(photos) == 1:
        return photos[0]
    try:
        ranking = client.rank(photos, rationale="none")
    except ServiceError as error:
        if error.status in (413, 415, 422):
            raise Unfit(error) from error
        raise
    if strangers := [photos[one.photo].name for one in ranking.photos if not one.same_scene]:
        raise Unfit(f"another scene: {', '.join(strangers)}")
    return photos[ranking.order[0]]


def _sort(client: Client, burst: Sequence[Path], best: Path, others: Path) -> None:
    winner = best_of(client, burst)
    # The best goes last: if this is cut short, the next look still finds it among those that are left.
    for photo in burst:
        if photo != winner:
            _move(photo, others)
    _move(winner, best)
    typer.echo(f"{winner.name} is the best of {len(burst)}")


def _names(burst: Sequence[Path]) -> str:
    return ", ".join(photo.name for photo in burst)


def _move(photo: Path, folder: Path) -> None:
    """Move, to another disk too; under another name where the folder has one of that name."""
    folder.mkdir(parents=True, exist_ok=True)
    for number in range(1000):
        target = folder / (f"{photo.stem}-{number}{photo.suffix}" if number else photo.name)
        try:
            with photo.open("rb") as source, target.open("xb") as copy:  # a rename would replace what is there
                shutil.copyfileobj(source, copy)
        except FileExistsError:
            continue
        shutil.copystat(photo, target)
        photo.unlink()
        return
    raise FileExistsError(f"{folder} has a thousand files named {photo.name}")


def _photos(folder: Path) -> dict[Path, Stamp]:
    found = [path for path in folder.iterdir() if path.suffix.lower() in SUFFIXES and path.is_file()]
    return {path: (path.stat().st_size, path.stat().st_mtime_ns) for path in found}


def _bursts(photos: Sequence[Path], gap: float) -> Iterator[list[Path]]:
    if not photos:
        return
    ordered = sorted((taken(photo), photo) for photo in photos)
    burst = [ordered[0][1]]
    for (earlier, _), (later, photo) in pairwise(ordered):
        if later - earlier > gap:
            yield burst
            burst = []
        burst.append(photo)
    yield burst


if __name__ == "__main__":
    typer.run(cull)
