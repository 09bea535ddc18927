"""Faces in a photo, found with the Haar cascades that OpenCV 4 carries: nothing to download, no further licence.

One coarse pass proposes places; cascades for faces, profiles and eyes then look closely at each and vote. A vote is one
window that a cascade accepts (P. Viola and M. Jones, "Rapid object detection using a boosted cascade of simple
features", 2001), so chance hits collect few and faces many. Full profiles, strong tilts and small faces are missed.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from math import exp, log1p
from queue import Empty, LifoQueue

import cv2
import numpy as np
from cv2.data import haarcascades

from idiff.imaging.resize import fit, resize
from idiff.types import Box, Image, Size

SEARCH_SIDE = 768
"""Longest side of the picture searched for proposals, pixels."""

SMALLEST = 24
"""Smallest face proposed, pixels of the searched picture: 3 % of its longest side."""

SEARCH_STEP = 1.4
"""Ratio of successive window sizes in the search; coarse, because the vote looks again."""

MOST_PROPOSALS = 6
"""Places judged in one photo, those with most hits first; bounds the time a crowd takes."""

VOTE_SLOPE, VOTE_OFFSET = 1.49, -3.28
"""Votes to probability, `1 / (1 + exp(-(slope * log(1 + votes) + offset)))`, fitted with
`python -m idiff_models.evaluate.routing --calibrate`."""

SHADOW_LIFT = (np.sqrt(np.arange(256) / 255) * 255).astype(np.uint8)
"""Square-root tone curve: lifts dark skin and dim light, where the cascades otherwise find less."""


@dataclass(frozen=True, slots=True)
class Face:
    """A face in pixels of the view. `confidence`: calibrated probability that people are the subject, 0-1."""

    box: Box
    confidence: float


@dataclass(frozen=True, slots=True)
class Candidate:
    """A place that may show a face, and how many windows said so."""

    box: Box
    votes: int


def probability(votes: int) -> float:
    """Calibrated probability, 0-1, that a photo whose best candidate has `votes` shows people as its subject."""
    return 1 / (1 + exp(-(VOTE_SLOPE * log1p(votes) + VOTE_OFFSET)))


class FaceDetector:
    """Finds faces; safe to share between threads.

    OpenCV's classifiers keep state during a call, so each call borrows a set of its own from a pool that grows to the
    number of simultaneous callers.
    """

    def __init__(self) -> None:
        self._idle: LifoQueue[_Cascades] = LifoQueue()
        self._idle.put(_Cascades())

    def detect(self, view: Image) -> tuple[Face, ...]:
        """Faces more likely than not in a global view, the most prominent (area times confidence) first.

        `view`: uint8, shape (height, width, 3), RGB. Boxes lie within it.
        """
        faces = [Face(found.box, probability(found.votes)) for found in self.candidates(view)]
        likely = (face for face in faces if face.confidence >= 0.5)
        return tuple(sorted(likely, key=lambda face: -face.box.width * face.box.height * face.confidence))

    def candidates(self, view: Image) -> tuple[Candidate, ...]:
        """Every place proposed in `view` with its votes, without overlaps, most votes first."""
        luma = np.asarray(cv2.LUT(cv2.cvtColor(view, cv2.COLOR_RGB2GRAY), SHADOW_LIFT), np.uint8)
        with self._borrowed() as cascades:
            judged = [Candidate(box, cascades.votes(luma, box)) for box in cascades.propose(luma)]
        judged.sort(key=lambda found: (-found.votes, found.box.y, found.box.x, found.box.width))
        kept: list[Candidate] = []
        for found in judged:
            if all(_overlap(found.box, other.box) < 0.3 for other in kept):
                kept.append(found)
        return tuple(kept)

    @contextmanager
    def _borrowed(self) -> Iterator["_Cascades"]:
        try:
            cascades = self._idle.get_nowait()
        except Empty:
            cascades = _Cascades()
        try:
            yield cascades
        finally:
            self._idle.put(cascades)


class _Cascades:
    """One caller's classifiers."""

    def __init__(self) -> None:
        self.search = _load("frontalface_alt2")
        self.frontal = _load("frontalface_default")
        self.profile = _load("profileface")
        self.eye = _load("eye")

    def propose(self, luma: Image) -> list[Box]:
        """Where a coarse search of the reduced picture hits at least twice, most hits first."""
        height, width = luma.shape
        small = resize(luma, fit(Size(width, height), SEARCH_SIDE))
        boxes, hits = self.search.detectMultiScale2(small, SEARCH_STEP, 1, 0, (SMALLEST, SMALLEST))
        scale = max(height, width) / max(small.shape)
        found = sorted(zip(hits, map(tuple, boxes), strict=True), key=lambda pair: (-pair[0], pair[1]))
        return [_within(tuple(round(side * scale) for side in box), width, height) for _, box in found[:MOST_PROPOSALS]]

    def votes(self, luma: Image, box: Box) -> int:
        """How many windows agree on a face at `box`, seen closely; 0 where no frontal cascade does."""
        head = _closely(luma, box, margin=0.3, width=48)
        frontal = _votes(self.search, head, 34, 66) + _votes(self.frontal, head, 34, 66)
        if not frontal:
            return 0
        turned = _votes(self.profile, head, 34, 66) + _votes(self.profile, np.ascontiguousarray(head[:, ::-1]), 34, 66)
        upper = Box(box.x, box.y, box.width, max(1, round(0.62 * box.height)))
        return frontal + turned + _votes(self.eye, _closely(luma, upper, margin=0, width=80), 16, 40)


def _votes(cascade: cv2.CascadeClassifier, patch: Image, smallest: int, largest: int) -> int:
    """Windows in the biggest group of agreeing ones."""
    hits = cascade.detectMultiScale2(patch, 1.1, 1, 0, (smallest, smallest), (largest, largest))[1]
    return int(max(hits, default=0))


def _closely(luma: Image, box: Box, margin: float, width: int) -> Image:
    """The picture around `box`, a share `margin` of it added on each side, scaled so that `box` is `width` wide."""
    extra, scale = round(margin * box.width), width / box.width
    rows = slice(max(0, box.y - extra), box.y + box.height + extra)
    patch = luma[rows, max(0, box.x - extra) : box.x + box.width + extra]
    return resize(patch, Size(max(1, round(patch.shape[1] * scale)), max(1, round(patch.shape[0] * scale))))


def _load(name: str) -> cv2.CascadeClassifier:
    cascade = cv2.CascadeClassifier(f"{haarcascades}haarcascade_{name}.xml")
    if cascade.empty():
        raise FileNotFoundError(f"OpenCV {cv2.__version__} carries no cascade {name}; opencv-python-headless 4 does")
    return cascade


def _within(box: tuple[int, ...], width: int, height: int) -> Box:
    x, y = max(0, min(box[0], width - 1)), max(0, min(box[1], height - 1))
    return Box(x, y, min(box[2], width - x), min(box[3], height - y))


def _overlap(a: Box, b: Box) -> float:
    """Intersection over union, 0-1."""
    across = min(a.x + a.width, b.x + b.width) - max(a.x, b.x)
    down = min(a.y + a.height, b.y + b.height) - max(a.y, b.y)
    shared = max(0, across) * max(0, down)
    return shared / (a.width * a.height + b.width * b.height - shared)
