"""The pipeline in process, without a server."""

from pathlib import Path

from idiff import explanation, pipeline
from idiff.api import present
from idiff.config import Settings
from idiff.engine import Engine
from idiff.metrics import Metrics
from idiff.schemas import CategoryOption, Comparison, RationaleOption
from idiff.upload import make_upload


async def compare_files(
    image_a: Path, image_b: Path, category: CategoryOption = "auto", rationale: RationaleOption = "auto"
) -> Comparison:
    """Compare two photo files.

    Raises:
        IdiffError: a photo cannot be used, or the release cannot be loaded.
        OSError: a file cannot be read.
    """
    upload = make_upload(
        {"image_a": image_a.read_bytes(), "image_b": image_b.read_bytes()},
        {"category": category, "rationale": rationale},
    )
    engine = Engine.load(Settings(), Metrics())
    try:
        judgement = await pipeline.judge(upload, engine)
        return present.comparison(judgement, await explanation.conclude(judgement, engine), engine)
    finally:
        await engine.close()
