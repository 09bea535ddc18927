"""A report on two tunings, or two cameras, that shot the same scenes in the same order under names of their own: of
each scene's folder the n-th photo of one is compared with the n-th of the other.

    pip install '.[cpu,evaluate]'
    python docs/examples/tuning_report.py shots/phone-1 shots/phone-2 --out report.html

Where both have the same names, `idiff report shots` alone will do.
"""

import csv
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated

import typer
from capture_time import taken

SUFFIXES = {".avif", ".heic", ".jpeg", ".jpg", ".png", ".tif", ".tiff", ".webp"}
Folder = Annotated[Path, typer.Argument(exists=True, file_okay=False)]


def report(first: Folder, second: Folder, out: Annotated[Path, typer.Option()] = Path("report.html")) -> None:
    """Pair the photos, scene by scene, and write the report beside the list of pairs."""
    pairs = out.with_suffix(".csv")
    with pairs.open("w", encoding="utf-8", newline="") as file:
        table = csv.writer(file)
        table.writerow(("image_a", "image_b", "name", "kind"))
        table.writerows(_pairs(first, second))
    command = [sys.executable, "-m", "idiff", "report", str(pairs), "--out", str(out)]
    done = subprocess.run([*command, "--names", first.name, second.name], check=False)  # noqa: S603
    raise typer.Exit(done.returncode)


def _pairs(first: Path, second: Path) -> Iterator[tuple[str, str, str, str]]:
    for scene in sorted(path.name for path in first.iterdir() if path.is_dir()):
        ours, theirs = _shots(first / scene), _shots(second / scene)
        if len(ours) != len(theirs):
            typer.echo(f"{scene}: {len(ours)} and {len(theirs)} photos, so none is paired", err=True)
            continue
        for number, (a, b) in enumerate(zip(ours, theirs, strict=True), 1):
            yield str(a.resolve()), str(b.resolve()), f"{scene} {number}", scene


def _shots(folder: Path) -> list[Path]:
    photos = [path for path in folder.glob("*") if path.suffix.lower() in SUFFIXES]
    return sorted(photos, key=lambda photo: (taken(photo), photo.name))


if __name__ == "__main__":
    typer.run(report)
