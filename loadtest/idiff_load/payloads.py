"""The requests' bodies: pairs of photographs of 2 to 12 megapixels, encoded once, before any load."""

import io
import os
from dataclasses import dataclass
from importlib.resources import files
from importlib.resources.abc import Traversable
from itertools import cycle, islice
from pathlib import Path
from typing import Final

import httpx
from PIL import Image

DATA: Final = Path(os.environ.get("IDIFF_DATA", Path(__file__).parents[3] / "shared" / "data"))
MEGAPIXELS: Final = (2, 3, 5, 8, 12) * 2
"""Of the bodies' photos, one each; every arrival takes one of them, all alike likely."""

QUALITY: Final = 92


@dataclass(frozen=True, slots=True)
class Body:
    """A multipart form. `megapixels`: of each of its two photos."""

    content: bytes
    content_type: str
    megapixels: float


def bodies(rationale: str) -> tuple[list[Body], str]:
    """All bodies, and what their photos are."""
    twins = [
        (file, Path(str(file).replace("_hdr", "_base"))) for file in sorted((DATA / "pixel6pro").glob("*_hdr.jpg"))
    ]
    if twins:
        told = f"{len(twins)} scenes of a phone, 12.5 MP, each in two renderings, some shrunk"
        pairs: list[tuple[Traversable, Traversable]] = list(twins)
    else:
        samples = files("idiff") / "samples"
        told = f"the bundled sample pair enlarged, since {DATA / 'pixel6pro'} is absent (set IDIFF_DATA)"
        pairs = [(samples / "astronaut_a.jpg", samples / "astronaut_b.jpg")]
    sized = zip(MEGAPIXELS, islice(cycle(pairs), len(MEGAPIXELS)), strict=True)
    made = [_body(a, b, megapixels, rationale) for megapixels, (a, b) in sized]
    mean = sum(len(body.content) for body in made) / len(made) / 1e6
    sizes = ", ".join(f"{size:g}" for size in sorted(set(MEGAPIXELS)))
    return made, f"{len(made)} pairs of {sizes} MP (mean body {mean:.1f} MB): {told}"


def _body(a: Traversable, b: Traversable, megapixels: float, rationale: str) -> Body:
    photos = {"image_a": ("a.jpg", _photo(a, megapixels)), "image_b": ("b.jpg", _photo(b, megapixels))}
    request = httpx.Request("POST", "http://encoded", files=photos, data={"rationale": rationale})
    return Body(request.read(), request.headers["Content-Type"], megapixels)


def _photo(file: Traversable, megapixels: float) -> bytes:
    """JPEG of about so many megapixels; the file itself where it has them."""
    original = file.read_bytes()
    with Image.open(io.BytesIO(original)) as image:
        scale = (1e6 * megapixels / (image.width * image.height)) ** 0.5
        if 0.95 < scale < 1.05:
            return original
        size = round(image.width * scale), round(image.height * scale)
        image.draft("RGB", size)  # lets the decoder skip what shrinking would throw away
        sized = image.convert("RGB").resize(size, Image.Resampling.LANCZOS)
        buffer = io.BytesIO()
        sized.save(buffer, "JPEG", quality=QUALITY, icc_profile=image.info.get("icc_profile"))
    return buffer.getvalue()
