"""City100: the same printed scene through two lenses or zooms, an outside check that no training has seen."""

import asyncio
import csv
from pathlib import Path

from idiff import pipeline
from idiff.config import Settings
from idiff.engine import Engine
from idiff.metrics import Metrics
from idiff.upload import make_upload
from idiff_models.evaluate.intervals import Share, share


async def _judge(folder: Path, release: Path) -> dict[str, list[float]]:
    engine = Engine.load(Settings(release=release), Metrics())
    right: dict[str, list[float]] = {}
    try:
        with (folder / "pairs.csv").open(newline="") as lines:
            for row in csv.DictReader(lines):
                images = {side: (folder / row[side]).read_bytes() for side in ("image_a", "image_b")}
                upload = make_upload(images, {"category": "scene", "rationale": "none"})
                verdict = (await pipeline.judge(upload, engine)).verdict
                sign = 1 if row["label"] == "A" else -1
                right.setdefault(row["scene"].split("/")[0], []).append(sign * verdict.logit)
    finally:
        await engine.close()
    return right


def camera_pairs(folder: Path, release: Path) -> dict[str, Share]:
    """Accuracy by camera over HTTP's own pipeline, whole photos in, as scene pairs.

    `folder`: `camera_pairs` of the data; the label says which photo was taken with more optical zoom, nobody voted.
    Empty where the folder is absent.
    """
    if not folder.is_dir():
        return {}
    return {camera: share(values) for camera, values in asyncio.run(_judge(folder, release)).items()}
