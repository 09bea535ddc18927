"""A picture rendered for tests: flat areas, ramps, hard and soft edges, fine texture, shadows and colour."""

import cv2
import numpy as np

from idiff.types import Image


def chart(width: int = 384, height: int = 384, seed: int = 0) -> Image:
    """uint8 RGB, shape (height, width, 3)."""
    rng = np.random.default_rng(seed)
    y, x = np.mgrid[0:height, 0:width].astype(np.float32)
    canvas = np.stack([90 + 60 * x / width, 100 + 40 * y / height, 120 - 50 * x / width], axis=2)
    for _ in range(14):
        centre = int(rng.integers(0, width)), int(rng.integers(0, height))
        tone = tuple(float(value) for value in rng.integers(25, 225, 3))
        cv2.circle(canvas, centre, int(rng.integers(20, max(21, width // 8))), tone, -1, cv2.LINE_AA)
    blades = cv2.GaussianBlur(rng.normal(0, 1, (height, width)).astype(np.float32), (0, 0), 0.9)
    canvas[height // 2 :] += (28 * blades[height // 2 :])[..., None]
    canvas[: height // 5, : width // 3] *= 0.3
    return np.clip(np.rint(cv2.GaussianBlur(canvas, (0, 0), 0.6)), 0, 255).astype(np.uint8)
