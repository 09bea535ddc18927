"""The pristine photographs: where they are, which split each belongs to, and what each shows."""

import csv
import hashlib
import os
from functools import cache
from pathlib import Path
from typing import Literal

import cv2
import numpy as np

from idiff.answer.faces import FaceDetector
from idiff.answer.routing import route
from idiff.imaging.resize import fit, resize
from idiff.types import CategoryName, Image, Size

Split = Literal["train", "validation", "test"]

ROOT = Path(__file__).resolve().parents[3]
LABELS = Path(__file__).resolve().parents[1] / "evaluate" / "photo_categories.csv"
SHARES: dict[Split, float] = {"train": 0.70, "validation": 0.12, "test": 0.18}
SPLIT_SEED = "idiff-1"


def data_root() -> Path:
    """The data folder: environment variable IDIFF_DATA, default `../shared/data` beside the repository."""
    return Path(os.environ.get("IDIFF_DATA", ROOT.parent / "shared" / "data"))


def split_of(name: str) -> Split:
    """The split of a photo, fixed by a hash of its name, so that every pair of one scene stays in one split."""
    place = int(hashlib.sha256(f"{SPLIT_SEED}:{name}".encode()).hexdigest()[:12], 16) / 16**12
    if place < SHARES["train"]:
        return "train"
    return "validation" if place < SHARES["train"] + SHARES["validation"] else "test"


def photo_names(folder: Path) -> list[str]:
    """Every JPEG below `folder` as a relative POSIX path, sorted."""
    return sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*.jpg"))


def categories(path: Path = LABELS) -> dict[str, CategoryName]:
    """Photo name to category, labelled by eye; raises FileNotFoundError where the label file is absent."""
    with path.open(newline="") as lines:
        return {row["photo"]: "person" if row["category"] == "person" else "scene" for row in csv.DictReader(lines)}


@cache
def detector() -> FaceDetector:
    """The service's face detector."""
    return FaceDetector()


def category_of(image: Image) -> CategoryName:
    """The category to which the service routes pairs of such a photograph, where nobody labelled it."""
    faces = detector().detect(resize(image, fit(Size(image.shape[1], image.shape[0]))))
    return route(faces, faces, None).name


def load(path: Path) -> Image:
    """A photograph as an upright uint8 RGB array; raises FileNotFoundError where it cannot be read."""
    image = cv2.imread(str(path), cv2.IMREAD_COLOR)
    if image is None:
        raise FileNotFoundError(path)
    return np.asarray(cv2.cvtColor(image, cv2.COLOR_BGR2RGB), np.uint8)
