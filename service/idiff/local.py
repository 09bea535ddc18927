"""The pipeline in process, without a server."""

from pathlib import Path

from idiff import pipeline
from idiff.api import present
from idiff.config import Settings
from idiff.engine import Engine
from idiff.metrics import Metrics
from idiff.schemas import AttributesOption, CategoryOption, Comparison, RationaleOption
from idiff.thinking.watch import check_now
from idiff.upload import make_upload


async def compare_files(
    image_a: Path,
    image_b: Path,
    category: CategoryOption = "auto",
    rationale: RationaleOption = "auto",
    attributes: AttributesOption = "false",
) -> Comparison:
    """Compare two photo files.

    Raises:
        IdiffError: a photo cannot be used, or the release cannot be loaded.
        OSError: a file cannot be read.
    """
    upload = make_upload(
        {"image_a": image_a.read_bytes(), "image_b": image_b.read_bytes()},
        {"category": category, "rationale": rationale, "attributes": attributes},
    )
    settings = Settings()
    engine = Engine.load(settings, Metrics())
    try:
        if settings.thinking_url and rationale not in ("measured", "none"):
            for model, canary in zip(engine.thinking, settings.canaries, strict=False):
                if canary:
                    await check_now(model, canary)
        return await present.concluded(await pipeline.judge(upload, engine), engine)
    finally:
        await engine.close()
