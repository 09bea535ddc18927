"""Pairs made of a picture and a known degradation of it, and what a vote on them may be, for tests of rationales."""

import cv2
import numpy as np

from idiff.imaging import CROP_SIDE
from idiff.imaging.resize import fit, resize
from idiff.types import Alignment, Box, Category, CategoryName, Image, PhotoViews, Side, Size, Verdict, Views, Vote


def photo(picture: Image, offset: tuple[int, int] = (0, 0)) -> PhotoViews:
    """Views of a whole picture: the crop is its middle, moved by `offset`."""
    height, width = picture.shape[:2]
    side = min(CROP_SIDE, height, width)
    x, y = ((length - side) // 2 + move for length, move in zip((width, height), offset, strict=True))
    x, y = min(max(x, 0), width - side), min(max(y, 0), height - side)
    crop = np.ascontiguousarray(picture[y : y + side, x : x + side])
    return PhotoViews(Size(width, height), resize(picture, fit(Size(width, height))), crop, Box(x, y, side, side))


def views_of(a: Image, b: Image, *, face: bool = False, same_scene: bool = True) -> Views:
    alignment = Alignment("identity", np.eye(2, 3), 0, same_scene)
    return Views(photo(a), photo(b), "face" if face else "detail", alignment, ())


def verdict_for(
    preferred: Side | None, *, close: bool = False, split: bool = False, category: CategoryName = "scene"
) -> Verdict:
    probability = {"A": 0.8, "B": 0.2, None: 0.5}[preferred]
    against: Side | None = {"A": "B", "B": "A", None: None}[preferred]  # type: ignore[assignment]
    votes = [Vote("first", "x", probability, preferred, 1.0)]
    votes += [Vote("second", "y", 1 - probability, against if split else preferred, 1.0)]
    logit = {"A": 1.4, "B": -1.4, None: 0.0}[preferred]
    kind = Category(category, "given", None)
    return Verdict(preferred, probability, logit, max(probability, 1 - probability), close, kind, "mean", tuple(votes))


def noisy(picture: Image, sigma: float, seed: int = 7) -> Image:
    grain = np.random.default_rng(seed).normal(0, sigma, (*picture.shape[:2], 1))
    return np.clip(np.rint(picture + grain), 0, 255).astype(np.uint8)


def gained(picture: Image, factor: float) -> Image:
    return np.clip(np.rint(picture * factor), 0, 255).astype(np.uint8)


def sharpened(picture: Image, amount: float) -> Image:
    values = picture.astype(np.float32)
    return np.clip(np.rint(values + amount * (values - cv2.GaussianBlur(values, (0, 0), 1.5))), 0, 255).astype(np.uint8)


def as_jpeg(picture: Image, quality: int) -> Image:
    stored = cv2.imencode(".jpg", picture[..., ::-1], [cv2.IMWRITE_JPEG_QUALITY, quality])[1]
    return np.ascontiguousarray(cv2.imdecode(stored, cv2.IMREAD_COLOR)[..., ::-1])
