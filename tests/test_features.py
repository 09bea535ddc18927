"""The statistics against their definitions, computed the slow way, and against known degradations."""

import math
import time
from collections.abc import Callable
from dataclasses import asdict, fields

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from picture import chart

from idiff.features import for_statistics, measure_photo
from idiff.features.cv import measure, to_luma
from idiff.features.definitions import DEFINITIONS, GLOBAL_STATISTICS_SIDE
from idiff.features.evidence import gather
from idiff.types import Image, PhotoViews, Size, Statistics


def luma(view: Image) -> np.ndarray:
    return to_luma(view).astype(float)


def filtered(plane: np.ndarray, mask: list[list[int]]) -> np.ndarray:
    """Correlation with a 3x3 mask, border mirrored without repeating its pixel."""
    padded = np.pad(plane, 1, mode="reflect")
    height, width = plane.shape
    return sum(mask[i][j] * padded[i : i + height, j : j + width] for i in range(3) for j in range(3))


@pytest.fixture
def noise_view() -> Image:
    return np.random.default_rng(1).integers(30, 220, (40, 56, 3), np.uint8)


def test_every_statistic_is_defined() -> None:
    assert set(DEFINITIONS) == {field.name for field in fields(Statistics)}


def test_luma_is_rec_601(noise_view: Image) -> None:
    assert abs(to_luma(noise_view) - noise_view @ np.array([0.299, 0.587, 0.114])).max() <= 0.51


def test_laplacian_and_tenengrad_by_hand(noise_view: Image) -> None:
    plane = luma(noise_view)
    measured = measure(noise_view)
    assert measured.laplacian == pytest.approx(filtered(plane, [[0, 1, 0], [1, -4, 1], [0, 1, 0]]).var(), rel=1e-9)
    gx, gy = (
        filtered(plane, [[-1, 0, 1], [-2, 0, 2], [-1, 0, 1]]),
        filtered(plane, [[-1, -2, -1], [0, 0, 0], [1, 2, 1]]),
    )
    assert measured.tenengrad == pytest.approx((gx**2 + gy**2).mean(), rel=1e-9)


def test_noise_sigma_by_hand(noise_view: Image) -> None:
    soft = cv2.GaussianBlur(noise_view, (0, 0), 1.5)
    plane = luma(soft)
    gx, gy = (
        filtered(plane, [[-1, 0, 1], [-2, 0, 2], [-1, 0, 1]]),
        filtered(plane, [[-1, -2, -1], [0, 0, 0], [1, 2, 1]]),
    )
    steepness = np.minimum(abs(gx), 255) + np.minimum(abs(gy), 255)
    flat = steepness <= np.sort(steepness.ravel())[math.ceil(steepness.size / 2) - 1]
    response = filtered(plane, [[1, -2, 1], [-2, 4, -2], [1, -2, 1]])
    assert measure(soft).noise_sigma == pytest.approx(math.sqrt(math.pi / 2) / 6 * abs(response)[flat].mean(), rel=1e-9)


@pytest.mark.parametrize("shape", [(64, 64), (40, 56), (33, 41), (27, 64)])
def test_high_frequency_ratio_by_hand(shape: tuple[int, int]) -> None:
    view = np.random.default_rng(2).integers(0, 256, (*shape, 3), np.uint8)
    height, width = (side - side % 8 for side in shape)
    top, left = (shape[0] - height) // 2, (shape[1] - width) // 2
    part = luma(view)[top : top + height, left : left + width]
    power = abs(np.fft.fft2((part - part.mean()) * np.outer(np.hanning(height), np.hanning(width)))) ** 2
    high = np.hypot(np.fft.fftfreq(height)[:, None], np.fft.fftfreq(width)[None]) >= 0.25
    assert measure(view).high_frequency_ratio == pytest.approx(power[high].sum() / power.sum(), rel=1e-5)


def test_histogram_statistics_by_hand(noise_view: Image) -> None:
    view = noise_view.copy()
    view[:4], view[4:7] = 12, 243
    plane, measured = luma(view), measure(view)
    shares = np.unique(plane, return_counts=True)[1] / plane.size
    assert measured.entropy == pytest.approx(-(shares * np.log2(shares)).sum())
    assert measured.brightness == pytest.approx(plane.mean())
    assert measured.under_exposed == pytest.approx((plane < 13).mean())
    assert measured.over_exposed == pytest.approx((plane > 242).mean())


def test_colorfulness_by_hand(noise_view: Image) -> None:
    red, green, blue = np.moveaxis(noise_view.astype(float), 2, 0)
    rg, yb = red - green, (red + green) / 2 - blue
    expected = np.hypot(rg.std(), yb.std()) + 0.3 * np.hypot(rg.mean(), yb.mean())
    assert measure(noise_view).colorfulness == pytest.approx(expected)


def test_edge_density_counts_a_line() -> None:
    view = np.full((64, 64, 3), 40, np.uint8)
    view[:, 32:] = 200
    assert measure(view).edge_density == pytest.approx(1 / 64, rel=0.05)


@pytest.mark.parametrize("sigma", [2.0, 5.0, 10.0])
def test_noise_sigma_finds_white_noise_and_ignores_edges(sigma: float) -> None:
    grain = np.random.default_rng(3).normal(0, sigma, (256, 256, 1))
    flat = np.full((256, 256, 3), 128.0)
    checks = 60 + 130 * (np.add.outer(np.arange(256) // 32, np.arange(256) // 32) % 2)[..., None] * np.ones(3)
    for scene in (flat, checks):
        view = np.clip(np.rint(scene + grain), 0, 255).astype(np.uint8)
        assert measure(view).noise_sigma == pytest.approx(sigma, rel=0.06)


def changed(view: Image, name: str) -> Image:
    values = view.astype(np.float32)
    if name == "blur":
        return cv2.GaussianBlur(view, (0, 0), 1.2)
    if name == "noise":
        values = values + np.random.default_rng(4).normal(0, 8, view.shape)
    elif name == "sharpen":
        values = values + 1.5 * (values - cv2.GaussianBlur(values, (0, 0), 1.5))
    elif name == "darken":
        values = values * 0.3
    elif name == "brighten":
        values = values * 1.8
    elif name == "grey":
        values = values.mean(axis=2, keepdims=True).repeat(3, axis=2)
    return np.clip(np.rint(values), 0, 255).astype(np.uint8)


@pytest.mark.parametrize(
    ("name", "statistic", "rises"),
    [
        ("blur", "laplacian", False),
        ("blur", "tenengrad", False),
        ("blur", "high_frequency_ratio", False),
        ("blur", "noise_sigma", False),
        ("noise", "noise_sigma", True),
        ("noise", "laplacian", True),
        ("noise", "high_frequency_ratio", True),
        ("sharpen", "laplacian", True),
        ("sharpen", "tenengrad", True),
        ("darken", "under_exposed", True),
        ("darken", "brightness", False),
        ("brighten", "over_exposed", True),
        ("brighten", "brightness", True),
        ("grey", "colorfulness", False),
        ("darken", "edge_density", False),
        ("darken", "entropy", False),
    ],
)
def test_degradations_move_the_statistic(name: str, statistic: str, rises: bool) -> None:
    before, after = (getattr(measure(view), statistic) for view in (chart(), changed(chart(), name)))
    assert after != before
    assert (after > before) is rises


@given(
    arrays(np.uint8, st.tuples(st.integers(1, 40), st.integers(1, 40), st.just(3))),
    st.sampled_from(["as is", "black", "white", "flat"]),
)
@settings(max_examples=60, deadline=None)
def test_always_finite_and_in_range(view: Image, kind: str) -> None:
    if kind != "as is":
        view = np.full_like(view, {"black": 0, "white": 255, "flat": 128}[kind])
    measured = asdict(measure(view))
    assert all(math.isfinite(value) and value >= 0 for value in measured.values())
    for share in ("high_frequency_ratio", "edge_density", "under_exposed", "over_exposed"):
        assert measured[share] <= 1
    assert measured["entropy"] <= 8
    gather(PhotoViews(Size(view.shape[1], view.shape[0]), view, view, None))


def test_the_global_view_is_measured_at_a_fixed_size() -> None:
    view = chart(900, 600)
    assert for_statistics(view).shape == (171, GLOBAL_STATISTICS_SIDE, 3)
    features = measure_photo(PhotoViews(Size(4000, 2667), view, chart(), None))
    assert features.global_view == measure(for_statistics(view))
    assert features.crop_view == measure(chart())


@pytest.mark.parametrize(
    ("size", "expected"),
    [
        (
            (512, 512),
            Statistics(
                laplacian=41.726974478922784,
                tenengrad=1200.2216186523438,
                noise_sigma=0.034463160849881366,
                high_frequency_ratio=0.0022399209892087196,
                edge_density=0.016284942626953125,
                entropy=5.878916117109886,
                under_exposed=0.0,
                over_exposed=0.0,
                colorfulness=69.69859099883942,
                brightness=116.46468734741211,
            ),
        ),
        (
            (200, 131),
            Statistics(
                laplacian=72.04632072140319,
                tenengrad=2215.922061068702,
                noise_sigma=0.14054038671061367,
                high_frequency_ratio=0.004222814905650384,
                edge_density=0.04744274809160305,
                entropy=6.160279709150641,
                under_exposed=0.0,
                over_exposed=0.0,
                colorfulness=88.36534202804764,
                brightness=118.90389312977099,
            ),
        ),
    ],
)
def test_the_values_stay(size: tuple[int, int], expected: Statistics) -> None:
    """Releases were calibrated, prompts written and models trained with them: a faster way must give the same."""
    assert asdict(measure(chart(*size))) == pytest.approx(asdict(expected), rel=1e-6)


def test_a_crop_takes_a_few_transforms() -> None:
    """3 ms on a core of a server. Told in Fourier transforms of its size, which a busy or slow machine delays alike."""
    view = chart(512, 512)
    plane = luma(view).astype(np.float32)

    def least(work: Callable[[], object]) -> float:
        taken = []
        for _ in range(15):
            start = time.perf_counter()
            work()
            taken.append(time.perf_counter() - start)
        return min(taken)

    assert least(lambda: measure(view)) < 14 * least(lambda: cv2.dft(plane))
