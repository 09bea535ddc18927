"""Real photographs over HTTP, at full size and in every odd format; skipped where the shared data is absent."""

import csv
import time
from itertools import combinations
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from conftest import Post, encode, pixels
from fastapi.testclient import TestClient
from rank_support import ranked
from test_compare import assert_mirrored

from idiff_models.answer.photos import load
from idiff_models.bench.burst import burst

pytestmark = pytest.mark.slow

BURSTS = ("cid22/1025469.jpg", "cid22/1418519.jpg", "kodak/1.jpg", "kodak/4.jpg")
"""Photographs of things and of people, each to be made a burst."""

SHOTS = ("01", "02", "04", "05", "07", "09")


def phone_pair(data: Path, shot: str) -> tuple[bytes, bytes]:
    """One shot of 12.5 MP in two renderings."""
    stem = f"Ultra_HDR_Samples_Emulated_{shot}"
    return tuple((data / "pixel6pro" / f"{stem}_{rendering}.jpg").read_bytes() for rendering in ("base", "hdr"))  # type: ignore[return-value]


@pytest.mark.parametrize("shot", SHOTS)
def test_phone_photos(post: Post, data: Path, shot: str) -> None:
    base, hdr = phone_pair(data, shot)
    answer = post({"image_a": base, "image_b": hdr})
    assert answer["views"]["same_scene"]
    assert answer["views"]["a"]["original"]["width"] * answer["views"]["a"]["original"]["height"] > 12e6
    assert answer["views"]["a"]["crop_size"] == {"width": 512, "height": 512}
    assert_mirrored(answer, post({"image_a": hdr, "image_b": base}))


@pytest.mark.parametrize("shot", SHOTS)
def test_phone_photos_merged(post: Post, data: Path, shot: str) -> None:
    base, hdr = (pixels(photo) for photo in phone_pair(data, shot))
    assert base.shape == hdr.shape
    assert base.shape[1] % 8 == 0, "else swapping the halves changes their JPEG blocks"
    merged, mirrored = (
        post({"merged_global": encode(np.hstack(halves), "JPEG", quality=95, subsampling=0)})
        for halves in ((base, hdr), (hdr, base))
    )
    assert merged["views"]["same_scene"]
    assert_mirrored(merged, mirrored)


def test_untwinned_phone_photos(post: Post, data: Path) -> None:
    originals = sorted((data / "pixel6pro").glob("*Originals*.jpg"))
    for one, other in combinations(originals, 2):
        answer = post({"image_a": one.read_bytes(), "image_b": other.read_bytes()})
        assert not answer["views"]["same_scene"]
        assert "not_same_scene" in {warning["code"] for warning in answer["warnings"]}


def test_lens_and_sensor_differences(post: Post, data: Path) -> None:
    """Real captures that no member was trained on: the one with more true detail is nearly always preferred."""
    folder = data / "camera_pairs"
    with (folder / "pairs.csv").open(newline="") as table:
        rows = list(csv.DictReader(table))
    right = 0
    for row in rows:
        photos = {side: (folder / row[side]).read_bytes() for side in ("image_a", "image_b")}
        right += post(photos, category="scene", rationale="none")["verdict"]["preferred"] == row["label"]
    assert right >= 0.9 * len(rows)


def test_a_ranking_agrees_with_comparisons_of_its_pairs(client: TestClient, post: Post, data: Path) -> None:
    photographs = [data / "photos" / name for name in BURSTS]
    agreed: list[bool] = []
    sure: list[bool] = []
    for photograph in photographs:
        shots = list(burst(load(photograph), 4, 0.6, seed=1))
        ranking = ranked(client, shots, rationale="none")
        assert all(photo.same_scene for photo in ranking.photos)
        for a, b in combinations(range(len(shots)), 2):
            verdict = post({"image_a": shots[a], "image_b": shots[b]}, rationale="none")["verdict"]
            agreed.append((ranking.probabilities[a][b] > 0.5) == (verdict["probability_a"] > 0.5))
            if not verdict["too_close"]:
                sure.append(agreed[-1])
    assert len(sure) >= 12
    assert sum(agreed) >= 0.9 * len(agreed)
    assert sum(sure) >= 0.95 * len(sure)


@pytest.mark.parametrize("shape", ["Landscape", "Portrait"])
def test_orientations(post: Post, data: Path, shape: str) -> None:
    files = [(data / "formats" / "orientation" / f"{shape}_{i}.jpg").read_bytes() for i in range(9)]
    answers = [post({"image_a": files[0], "image_b": file}, category="scene") for file in files[1:]]
    first = answers[0]["views"]["a"]
    for answer in answers:
        views = answer["views"]
        assert views["same_scene"]
        assert views["a"]["original"] == views["b"]["original"] == first["original"]
        assert views["a"]["global_size"] == views["b"]["global_size"]
        assert answer["verdict"]["too_close"], "the same picture, but for JPEG noise"
        for axis in ("x", "y"):
            assert abs(views["a"]["crop_box"][axis] - views["b"]["crop_box"][axis]) <= 2


def odd_rows() -> list[dict[str, str]]:
    """The committed table of what each odd file must give."""
    with (Path(__file__).parent / "data" / "formats_odd.csv").open(newline="") as table:
        return list(csv.DictReader(table))


@pytest.mark.parametrize("row", odd_rows(), ids=lambda row: row["file"])
def test_odd_formats(client: TestClient, data: Path, row: dict[str, str]) -> None:
    photo = (data / "formats" / "odd" / row["file"]).read_bytes()
    answer = client.post("/compare", files={"image_a": photo, "image_b": photo}, data={"rationale": "none"})
    body: dict[str, Any] = answer.json()
    if row["outcome"] == "ok":
        assert answer.status_code == 200, body
        assert body["views"]["a"]["original"] == {"width": int(row["width"]), "height": int(row["height"])}
        assert body["verdict"]["preferred"] is None
        small = {"low_resolution"} if min(int(row["width"]), int(row["height"])) < 256 else set()
        codes = {warning["code"] for warning in body["warnings"] if warning["field"] == "image_a"}
        assert codes == set(row["notices"].split()) | small
    else:
        assert 400 <= answer.status_code < 500
        expected = row["outcome"] if photo else "missing_field"
        assert (body["error"]["code"], body["error"]["field"]) == (expected, "image_a")


def test_malformed_files(client: TestClient, data: Path, pair: tuple[bytes, bytes]) -> None:
    files = sorted((data / "formats" / "malformed").iterdir())
    assert len(files) >= 160
    for file in files:
        start = time.monotonic()
        answer = client.post("/compare", files={"image_a": file.read_bytes(), "image_b": pair[0]})
        assert answer.status_code == 200 or 400 <= answer.status_code < 500, (file.name, answer.text)
        assert time.monotonic() - start < 5, file.name
    assert client.get("/livez").status_code == client.get("/readyz").status_code == 200
    assert client.post("/compare", files={"image_a": pair[0], "image_b": pair[1]}).status_code == 200
