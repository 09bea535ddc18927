"""Sets of photos of one scene, and the service asked to rank them."""

from collections.abc import Sequence
from functools import cache
from typing import Any

import cv2
import numpy as np
from conftest import SAMPLES, encode, pixels
from fastapi.testclient import TestClient

from idiff.ranking.schemas import Ranking


@cache
def shots() -> tuple[bytes, ...]:
    """The sample scene in five shots: sharp, two blurs, a noisy one that is moved, and one that is dark."""
    sharp = pixels((SAMPLES / "astronaut_a.jpg").read_bytes())[:400, :480]
    rng = np.random.default_rng(3)
    moved = cv2.warpAffine(sharp, np.array([[1.0, 0, 9], [0, 1, -7]]), (480, 400), borderMode=cv2.BORDER_REFLECT)
    pictures = [
        sharp,
        cv2.GaussianBlur(sharp, (0, 0), 1.0),
        cv2.GaussianBlur(sharp, (0, 0), 2.5),
        np.clip(moved + rng.normal(0, 12, sharp.shape), 0, 255).astype(np.uint8),
        (sharp * 0.45).astype(np.uint8),
    ]
    return tuple(encode(np.asarray(picture)) for picture in pictures)


def send(client: TestClient, photos: Sequence[bytes], field: str = "photos", **options: str) -> Any:  # noqa: ANN401
    """The answer to POST /rank, whatever it is."""
    files = [(field, (f"{place}.jpg", photo)) for place, photo in enumerate(photos)]
    return client.post("/rank", files=files, data=options)


def ranked(client: TestClient, photos: Sequence[bytes], **options: str) -> Ranking:
    """A ranking that was given."""
    answer = send(client, photos, **options)
    assert answer.status_code == 200, answer.text
    return Ranking.model_validate_json(answer.content, extra="forbid")
