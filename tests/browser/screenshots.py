"""README's pictures of the page, taken of the real service: `make screenshots`.

All photos are the bundled sample and what is made of it here. The words of `streaming` come from a stand-in for the
language model; everything else is what the service says.
"""

import io
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

import cv2
import numpy as np
from browsing import bring, chromium, explained, opened, served, told
from conftest import SAMPLES, encode, pixels
from pair_support import as_jpeg, gained, noisy, sharpened
from PIL import Image
from playwright.sync_api import Browser, Page
from thinking_support import complete, upstream

ROOT: Final = Path(__file__).parents[2]
OUT: Final = ROOT / "docs" / "images"
MOST_BYTES: Final = 300_000
DESK: Final = {"viewport": {"width": 1280, "height": 880}, "device_scale_factor": 1.5}
PHONE: Final = {
    "viewport": {"width": 360, "height": 760},
    "device_scale_factor": 2,
    "has_touch": True,
    "is_mobile": True,
}

WRITTEN: Final = (
    "Face Sharpness: Image A (Left) shows crisp eyelashes and clean lips, while Image B (Right) is soft.\n"
    "Face Texture: Image A (Left) keeps fine texture on the skin; Image B (Right) looks smoothed.\n"
    "Clothing Detail: The patches of the suit can be read in Image A (Left) and are blurred in Image B (Right).\n"
    "Face Noise: Image A (Left) is cleaner than Image B (Right).\n"
    "Global Overall: Image A (Left) is preferred for its natural detail."
)


def burst() -> list[tuple[str, bytes]]:
    """Six photos of one moment, as a hand-held phone might bring them home."""
    best = pixels((SAMPLES / "astronaut_a.jpg").read_bytes())
    shaken = cv2.filter2D(best, -1, np.full((1, 9), 1 / 9, np.float32))
    shots = [
        cv2.GaussianBlur(best, (0, 0), 2.2), noisy(best, 9), best, np.asarray(shaken), gained(best, 0.55),
        as_jpeg(sharpened(best, 1.8), 25),
    ]  # fmt: skip
    return [(f"IMG_{2041 + index}.jpg", encode(shot, "JPEG", quality=95)) for index, shot in enumerate(shots)]


def sample(page: Page) -> None:
    """The bundled pair, explained."""
    page.click("#sample")
    explained(page)
    page.wait_for_selector(".overlay", state="attached")


def difference(page: Page) -> None:
    """The same with its difference map."""
    sample(page)
    page.get_by_text("Difference", exact=True).click()


def ranking(page: Page) -> None:
    """The burst in order."""
    bring(page, *burst())
    page.wait_for_selector(".sheet")


def error(page: Page) -> None:
    """A file that is no photo."""
    bring(
        page,
        ("IMG_2041.CR2", b"II*\0\x10\0\0\0CR\x02\0" + bytes(64)),
        ("b.jpg", (SAMPLES / "astronaut_b.jpg").read_bytes()),
    )
    page.get_by_role("alert").wait_for()


def half_written(page: Page) -> None:
    """The verdict is there, the second line is being written."""
    page.click("#sample")
    told(page)
    page.wait_for_selector("#rationale li:nth-child(3) p")


def take(browser: Browser, url: str, name: str, act: Callable[[Page], None], **context: Any) -> None:  # noqa: ANN401
    """Open the page, do something, and keep what is seen as WebP."""
    with opened(browser, url, **(DESK | context)) as page:
        act(page)
        page.mouse.move(0, 0)
        page.wait_for_timeout(300)
        seen = Image.open(io.BytesIO(page.screenshot()))
    path = OUT / f"{name}.webp"
    for quality in (90, 80, 70, 60):
        seen.convert("RGB").save(path, quality=quality, method=6)
        if path.stat().st_size < MOST_BYTES:
            break
    print(f"{path.relative_to(ROOT)}: {seen.width}x{seen.height}, {path.stat().st_size // 1000} kB")


def main(names: list[str]) -> None:
    """Take those named, or all."""
    OUT.mkdir(parents=True, exist_ok=True)
    plain = {"start": lambda page: None, "pair": sample, "ranking": ranking, "error": error}
    with chromium(fonts=Path(__file__).parent / "fonts.conf") as browser:
        with served() as url:
            for name, act in plain.items():
                if not names or name in names:
                    take(browser, url, name, act)
            if not names or "dark" in names:
                take(browser, url, "dark", difference, color_scheme="dark")
            if not names or "phone" in names:
                take(browser, url, "phone", sample, **PHONE)
        if not names or "streaming" in names:
            with (
                upstream(complete(WRITTEN, pause=0.15)) as model,
                served(thinking_url=model, thinking_check_s=0) as url,
            ):
                take(browser, url, "streaming", half_written)


if __name__ == "__main__":
    main(sys.argv[1:])
