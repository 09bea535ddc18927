"""How well faces tell pictures of people from scenes, measured on the photographs labelled by eye.

`python -m idiff_models.evaluate.routing [--data FOLDER] [--calibrate] [--errors]`
"""

import csv
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import cv2
import numpy as np
import typer
from numpy.typing import NDArray

from idiff.answer.faces import FaceDetector, probability
from idiff.imaging.resize import fit, resize
from idiff.intervals import Share
from idiff.types import Image, Size
from idiff_models.answer.photos import LABELS, data_root, load


@dataclass(frozen=True)
class Sample:
    """One labelled photograph.

    `votes`: of the best candidate, 0 without any; `altered`: the same for its altered copies; `milliseconds`: CPU time.
    """

    photo: str
    person: bool
    face: bool
    votes: int
    altered: tuple[int, ...]
    milliseconds: float

    @property
    def routed(self) -> bool:
        """Whether it is taken for a picture of people."""
        return probability(self.votes) >= 0.5


def alterations(view: Image) -> Iterator[Image]:
    """Copies that show the same: mirrored, smaller, darker, brighter, softer."""
    yield np.ascontiguousarray(view[:, ::-1])
    yield resize(view, fit(Size(view.shape[1], view.shape[0]), round(0.8 * max(view.shape[:2]))))
    yield cv2.convertScaleAbs(view, alpha=0.6).astype(np.uint8, copy=False)
    yield cv2.convertScaleAbs(view, alpha=1.3).astype(np.uint8, copy=False)
    yield cv2.GaussianBlur(view, (0, 0), 1.5).astype(np.uint8, copy=False)


def measure(photos: Path, altered: bool = False) -> list[Sample]:
    """Run the detector on the global view of every labelled photograph below `photos`, on one core."""
    detector = FaceDetector()
    cv2.setNumThreads(1)

    def votes(view: Image) -> int:
        return max((candidate.votes for candidate in detector.candidates(view)), default=0)

    samples = []
    with LABELS.open(newline="") as lines:
        for row in csv.DictReader(lines):
            image = load(photos / row["photo"])
            view = resize(image, fit(Size(image.shape[1], image.shape[0])))
            start = time.thread_time()
            best = votes(view)
            spent = 1000 * (time.thread_time() - start)
            others = tuple(votes(copy) for copy in alterations(view)) if altered else ()
            samples.append(Sample(row["photo"], row["category"] == "person", row["face"] == "yes", best, others, spent))
    return samples


def fit_votes(votes: NDArray[np.float64], person: NDArray[np.bool_]) -> NDArray[np.float64]:
    """Slope and offset of the logistic regression of `person` on log(1 + votes), by Newton's method.

    A small ridge on the slope keeps it finite where the classes separate.
    """
    columns = np.stack([np.log1p(votes), np.ones(len(votes))], axis=1)
    weights = np.zeros(2)
    ridge = np.diag([0.1, 1e-6])
    for _ in range(25):
        chance = 1 / (1 + np.exp(-columns @ weights))
        curvature = columns.T @ (columns * (chance * (1 - chance))[:, None]) + ridge
        weights += np.linalg.solve(curvature, columns.T @ (person - chance) - ridge @ weights)
    return weights


def _fit_samples(samples: list[Sample]) -> NDArray[np.float64]:
    """The regression over photographs and altered copies in which any window voted."""
    pairs = [(votes, sample.person) for sample in samples for votes in (sample.votes, *sample.altered) if votes]
    return fit_votes(np.array([votes for votes, _ in pairs], float), np.array([person for _, person in pairs]))


def calibration(samples: list[Sample]) -> list[str]:
    """The constants of `idiff.answer.faces` and `.routing`, and their worth on photographs left out of the fit."""
    slope, offset = _fit_samples(samples)
    routed = []
    for index, sample in enumerate(samples):
        a, b = _fit_samples(samples[:index] + samples[index + 1 :])
        routed.append(bool(sample.votes) and a * np.log1p(sample.votes) + b > 0)
    hits = sum(sample.person for sample, chosen in zip(samples, routed, strict=True) if chosen)
    people = sum(sample.person for sample in samples)
    faceless = len(samples) - sum(routed)
    return [
        f"VOTE_SLOPE, VOTE_OFFSET = {slope:.2f}, {offset:.2f}",
        f"SCENE_WITHOUT_FACE = {(faceless - people + hits + 1) / (faceless + 2):.2f}",
        f"left out one by one: precision {Share(hits, sum(routed))}, recall {Share(hits, people)}",
    ]


def table(samples: list[Sample]) -> list[str]:
    """Precision, recall and cost as a Markdown table."""
    routed = [sample for sample in samples if sample.routed]
    people = [sample for sample in samples if sample.person]
    faces = [sample for sample in samples if sample.face]
    spent = np.array([sample.milliseconds for sample in samples])
    hits = sum(sample.person for sample in routed)
    return [
        f"| {len(samples)} photographs, {len(people)} of people | measured, 95 % Wilson |",
        "|---|---|",
        f"| precision, person | {Share(hits, len(routed))} |",
        f"| recall, person | {Share(hits, len(people))} |",
        f"| recall, person with a visible face | {Share(sum(sample.routed for sample in faces), len(faces))} |",
        f"| F1, person | {2 * hits / (len(routed) + len(people)):.3f} |",
        f"| accuracy | {Share(sum(sample.routed == sample.person for sample in samples), len(samples))} |",
        f"| CPU ms a photo, median and 95th percentile | {np.median(spent):.0f} and {np.percentile(spent, 95):.0f} |",
    ]


def routing(
    data: Annotated[Path | None, typer.Option(help="Data folder; default IDIFF_DATA or ../shared/data.")] = None,
    calibrate: Annotated[bool, typer.Option("--calibrate", help="Also fit the calibration.")] = False,
    errors: Annotated[bool, typer.Option("--errors", help="Also list the photographs routed wrongly.")] = False,
) -> None:
    """Measure person|scene routing on the labelled photographs."""
    samples = measure((data or data_root()) / "photos", altered=calibrate)
    lines = table(samples)
    if calibrate:
        lines += ["", *calibration(samples)]
    if errors:
        wrong = [sample for sample in samples if sample.routed != sample.person]
        lines += ["", *(f"{'missed' if sample.person else 'false'}: {sample.photo}" for sample in wrong)]
    typer.echo("\n".join(lines))


if __name__ == "__main__":
    typer.run(routing)
