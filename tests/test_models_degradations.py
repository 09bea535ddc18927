"""Degradations do what they claim, the more the severer, and labels say who is better where that is known."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from idiff.features.cv import measure
from idiff.types import Image
from idiff_models.answer.degradations import KINDS, RENDERING, degrade
from idiff_models.answer.degradations.light import encode, linearise
from idiff_models.answer.fidelity import METRICS, losses
from idiff_models.answer.labels import COSTS, targets
from idiff_models.answer.renditions import MODES, Plan, Rendition, draw


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


@pytest.mark.parametrize("kind", ["defocus", "soft", "motion", "smear", "resample"])
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


LIKED = {kind for kind, (_, _, liked) in COSTS.items() if liked}
NONE = [np.zeros(len(METRICS), np.float32)]


@settings(max_examples=200, deadline=None)
@given(st.integers(0, 2**32 - 1), st.integers(2, 4))
def test_every_link_of_a_chain_loses_to_the_one_before(seed: int, length: int) -> None:
    plan = draw(np.random.default_rng(seed), length, "chain")
    target, weight = targets(plan, NONE * length)
    upper = np.triu_indices(length, 1)
    kinds = set().union(*(rendition.recipe for rendition in plan.renditions))
    if not kinds & LIKED:
        assert (target[upper] >= (0.5 if kinds & RENDERING else 1.0)).all()
        assert (weight[upper] == 1).all()
    assert all(0 <= severity <= 1 for rendition in plan.renditions for severity in rendition.recipe.values())


@settings(max_examples=200, deadline=None)
@given(st.integers(0, 2**32 - 1), st.sampled_from(sorted(MODES)))
def test_labels_are_antisymmetric_whatever_is_drawn(seed: int, mode: str) -> None:
    rng = np.random.default_rng(seed)
    plan = draw(rng, 4, mode)
    assert len(plan.renditions) == 4
    target, weight = targets(plan, [rng.exponential(1, len(METRICS)).astype(np.float32) for _ in range(4)])
    np.testing.assert_allclose(target + target.T, 1, atol=1e-6)
    assert np.array_equal(weight, weight.T)
    assert not np.diag(weight).any()
    if mode == "equal":
        assert (target == 0.5).all()


def known(better: dict[str, float], worse: dict[str, float], seeds: tuple[int, int] = (1, 1)) -> tuple[float, float]:
    """Target and weight of a pair whose measured losses are equal."""
    plan = Plan("cross", "cross", (Rendition(better, seeds[0]), Rendition(worse, seeds[1])))
    target, weight = targets(plan, NONE * 2)
    return float(target[0, 1]), float(weight[0, 1])


def test_labels_rest_on_construction_only_where_nothing_is_mended() -> None:
    assert known({}, {"noise": 0.2}) == (1.0, 1.0)
    assert known({"noise": 0.2}, {"noise": 0.2, "jpeg": 0.3}) == (1.0, 1.0)
    assert known({"defocus": 0.2}, {"defocus": 0.2, "sharpen": 0.3})[1] < 1
    assert known({"noise": 0.2}, {"noise": 0.4}, (1, 2))[1] < 1


@pytest.mark.parametrize("kind", sorted(RENDERING))
def test_a_little_may_be_liked_and_much_never_is(kind: str) -> None:
    little, much = known({}, {kind: 0.1})[0], known({}, {kind: 0.9})[0]
    assert (little < 0.5) == (kind in LIKED)
    assert much > 0.9
    assert known({"defocus": 0.3}, {"defocus": 0.5, kind: 0.9})[1] > 0


def test_regrown_detail_beats_its_absence_and_loses_to_the_true() -> None:
    soft = {"resample": 0.6}
    mild, wild = ({**soft, "regrown": severity} for severity in (0.0, 1.0))
    assert 0.85 < known(mild, soft)[0] < 1
    assert 0.5 < known(wild, soft)[0] < known(mild, soft)[0]
    assert known({}, mild)[0] == 1.0


def test_full_reference_losses_grow_with_the_fault(picture: Image) -> None:
    assert losses(picture, picture) == pytest.approx([0, 0, 0], abs=1e-3)
    for kind in ("defocus", "noise", "jpeg"):
        mild, strong = (losses(picture, degrade(picture, {kind: severity}, 1)) for severity in (0.1, 0.7))
        assert (mild < strong).all()
        assert (mild > 0).all()


def test_unlike_faults_are_ordered_by_what_the_metrics_measure(picture: Image) -> None:
    faults = ({"defocus": 0.05}, {"noise": 0.8})
    measured = [losses(picture, degrade(picture, recipe, 1)) for recipe in faults]
    plan = Plan("cross", "cross", tuple(Rendition(recipe, place) for place, recipe in enumerate(faults)))
    target, weight = targets(plan, measured)
    assert target[0, 1] > 0.8
    assert weight[0, 1] > 0.5


def test_regrown_detail_is_crisper_than_what_it_restores(picture: Image) -> None:
    soft = degrade(picture, {"resample": 0.7}, 3)
    crisp = degrade(picture, {"resample": 0.7, "regrown": 0.3}, 3)
    assert measure(crisp).laplacian > 1.5 * measure(soft).laplacian
    assert np.array_equal(degrade(picture, {"regrown": 0.3}, 3), degrade(picture, {"regrown": 0.3}, 3))
