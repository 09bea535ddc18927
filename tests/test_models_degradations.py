"""Degradations do what they claim, the more the severer, and chains keep the order that the labels rest on."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from idiff.features.cv import measure
from idiff.types import Image
from idiff_models.answer.chains import CONFLICTS, draw_chain
from idiff_models.answer.degradations import KINDS, degrade
from idiff_models.answer.degradations.light import encode, linearise


@pytest.fixture(scope="module")
def picture() -> Image:
    """Texture of several scales, a coloured ramp and hard edges: something for every fault to spoil."""
    rng = np.random.default_rng(7)
    y, x = np.mgrid[0:192, 0:192].astype(np.float32)
    base = np.stack([60 + x / 2, 90 + y / 2, 150 - x / 3], 2)
    base += 25 * np.sin(x / 2)[..., None] * np.cos(y / 3)[..., None] + rng.normal(0, 4, (192, 192, 1))
    base[40:90, 60:120] = (200, 60, 50)
    base[120:170, 30:80] = (30, 40, 60)
    return np.clip(base, 0, 255).astype(np.uint8)


def distance(first: Image, second: Image) -> float:
    return float(np.sqrt(np.mean((first.astype(np.float64) - second) ** 2)))


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("seed", [1, 2, 5])
def test_a_higher_severity_takes_the_picture_further_away(kind: str, seed: int, picture: Image) -> None:
    distances = [distance(degrade(picture, {kind: severity}, seed), picture) for severity in (0.0, 0.3, 0.65, 1.0)]
    assert distances[0] > 0.3
    assert distances == sorted(distances)
    assert distances[-1] > 1.4 * distances[0]


@pytest.mark.parametrize("kind", KINDS)
def test_pure_and_reproducible(kind: str, picture: Image) -> None:
    before = picture.copy()
    first, again = (degrade(picture, {kind: 0.4}, 3) for _ in range(2))
    assert first.shape == picture.shape
    assert first.dtype == np.uint8
    assert np.array_equal(first, again)
    assert np.array_equal(picture, before)


@pytest.mark.parametrize("kind", ["defocus", "motion", "smear", "resample"])
def test_soft_faults_lose_detail(kind: str, picture: Image) -> None:
    assert measure(degrade(picture, {kind: 0.6}, 1)).laplacian < 0.7 * measure(picture).laplacian


def test_noise_and_halos_add_energy(picture: Image) -> None:
    for kind in ("noise", "sharpen"):
        assert measure(degrade(picture, {kind: 0.6}, 1)).laplacian > 1.2 * measure(picture).laplacian


def test_noise_is_correlated_as_a_demosaiced_sensor_leaves_it() -> None:
    grey = np.full((256, 256, 3), 128, np.uint8)
    grain = degrade(grey, {"noise": 0.8}, 4).astype(np.float64).mean(2) - 128
    grain -= grain.mean()
    neighbours = float((grain[:, 1:] * grain[:, :-1]).mean() / grain.var())
    assert 0.1 < neighbours < 0.9


def test_noise_grows_with_light() -> None:
    dark, bright = (np.full((128, 128, 3), level, np.uint8) for level in (20, 150))
    spread = [float(linearise(degrade(flat, {"noise": 0.5}, 4)).std()) for flat in (dark, bright)]
    assert spread[1] > 1.5 * spread[0]


def test_linear_light_round_trip() -> None:
    codes = np.repeat(np.arange(256, dtype=np.uint8)[:, None, None], 3, 2)
    assert np.abs(encode(linearise(codes)).astype(int) - codes).max() <= 1


@settings(max_examples=200, deadline=None)
@given(st.integers(0, 2**32 - 1), st.integers(2, 4))
def test_every_link_of_a_chain_is_strictly_worse(seed: int, length: int) -> None:
    chain = draw_chain(np.random.default_rng(seed), length)
    assert len(chain.recipes) == length
    for better, worse in zip(chain.recipes, chain.recipes[1:], strict=False):
        assert set(better) <= set(worse)
        assert all(better[kind] <= worse[kind] for kind in better)
        assert better != worse
    last = chain.recipes[-1]
    assert all(0 <= severity <= 1 for severity in last.values())
    assert not any(conflict <= set(last) for conflict in CONFLICTS)
