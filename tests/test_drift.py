"""How the photos that a release is shown differ from those that it was made from, counted for Prometheus."""

import logging
import re
from collections import Counter
from pathlib import Path

import httpx
import numpy as np
import pytest
from conftest import encode, serve
from fastapi.testclient import TestClient
from hypothesis import given
from hypothesis import strategies as st
from release_support import edit, reference, tiny_release
from service_support import service

from idiff.config import Settings
from idiff.features.definitions import DEFINITIONS
from idiff.types import PhotoFeatures, Statistics
from idiff_models.calibrate.reference import FEWEST, reference_of

FEATURES = {f"{view}.{name}" for view in ("crop", "global") for name in DEFINITIONS}


def by_feature(text: str, metric: str) -> dict[str, dict[str, float]]:
    """A metric's values by feature and bin."""
    found: dict[str, dict[str, float]] = {}
    for place, feature, value in re.findall(rf'^{metric}{{bin="(.+)",feature="(.+)",release=".+"}} (.+)$', text, re.M):
        found.setdefault(feature, {})[place] = float(value)
    return found


def shown(*tones: int) -> dict[str, bytes]:
    """Two photos of those even tones."""
    pictures = (encode(np.full((300, 400, 3), tone, np.uint8)) for tone in tones)
    return dict(zip(("image_a", "image_b"), pictures, strict=True))


def test_the_bundled_release_has_a_reference_of_every_feature(client: TestClient) -> None:
    assert client.post("/compare", files=shown(120, 121), data={"rationale": "none"}).status_code == 200
    text = client.get("/metrics").text
    live, shares = (by_feature(text, f"idiff_feature_{name}") for name in ("values_total", "reference_share"))
    assert set(live) == set(shares) == FEATURES
    assert all(sum(found.values()) == pytest.approx(1, abs=1e-4) for found in shares.values())
    assert {name: found.keys() for name, found in live.items()} == {
        name: found.keys() for name, found in shares.items()
    }
    assert len({sum(found.values()) for found in live.values()}) == 1


def test_photos_are_counted_by_the_bins_of_the_release_that_judged_them(tmp_path: Path) -> None:
    folder, other = tiny_release(tmp_path / "release"), tiny_release(tmp_path / "other")
    edit(folder, reference=reference())
    edit(other, version="tiny-2", reference=reference("global.brightness", edges=[50.0, 100.0], shares=[0.1, 0.2, 0.7]))
    with service(release=folder) as running:
        for tones in ((40, 140), (40, 41)):
            assert httpx.post(f"{running.url}/compare", files=shown(*tones)).status_code == 200
        text = httpx.get(f"{running.url}/metrics").text
        assert by_feature(text, "idiff_feature_values_total") == {"crop.brightness": {"0": 3, "1": 1}}
        assert httpx.post(running.admin, json={"folder": str(other)}).status_code == 200
        assert httpx.post(f"{running.url}/compare", files=shown(70, 140)).status_code == 200
        text = httpx.get(f"{running.url}/metrics").text
        assert by_feature(text, "idiff_feature_values_total") == {"global.brightness": {"0": 0, "1": 1, "2": 1}}
        assert by_feature(text, "idiff_feature_reference_share")["global.brightness"]["2"] == 0.7


def test_without_a_reference_the_log_says_that_nothing_is_measured(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    with serve(Settings(release=tiny_release(tmp_path / "release"))) as client:
        assert client.post("/compare", files=shown(120, 140)).status_code == 200
        assert "idiff_feature_values_total{" not in client.get("/metrics").text
    assert "release tiny-1 has no reference: the drift of features is not measured" in caplog.messages


VALUES = st.lists(st.sampled_from([0.0, 0.5, 1.0, 1e-9]) | st.floats(0, 255), min_size=1, max_size=40)


@given(VALUES)
def test_the_photos_of_a_reference_do_not_drift_from_it(values: list[float]) -> None:
    photos = [
        PhotoFeatures(statistics, statistics)
        for value in values * (FEWEST // len(values) + 1)
        for statistics in [Statistics(*[value] * len(DEFINITIONS))]
    ]
    made = reference_of(photos, "test")
    assert made
    found = made.features["crop.entropy"]
    counts = Counter(found.bin(photo.crop_view.entropy) for photo in photos)
    assert [counts[place] / len(photos) for place in range(len(found.shares))] == pytest.approx(found.shares, abs=1e-6)
    assert min(2, len(set(values))) <= len(found.shares) <= 10


def test_too_few_photos_make_no_reference() -> None:
    statistics = Statistics(*[1.0] * len(DEFINITIONS))
    photos = [PhotoFeatures(statistics, statistics)] * FEWEST
    assert reference_of(photos[1:], "test") is None
    assert reference_of(photos, "test") is not None
