"""Temperature, tie band and calibration error on pairs with soft targets."""

import numpy as np
import pytest

from idiff_models.evaluate.calibration import (
    calibrate,
    expected_calibration_error,
    fit_temperature,
    fit_too_close,
)


def test_the_error_of_honest_confidence_is_small_and_of_boasting_large() -> None:
    rng = np.random.default_rng(0)
    honest = rng.random(20000)
    outcomes = (rng.random(20000) < honest).astype(float)
    assert expected_calibration_error(list(honest), list(outcomes)) < 0.01
    assert expected_calibration_error([0.99] * 100, [1.0, 0.0] * 50) == pytest.approx(0.49)
    assert expected_calibration_error([0.01] * 100, [1.0, 0.0] * 50) == pytest.approx(0.49)


def test_the_error_by_hand() -> None:
    # Bins of width 0.25: (0.5-0.75) holds two, one right, 0.65 sure; (0.75-1) holds two, both right, 0.9 sure.
    assert expected_calibration_error([0.6, 0.3, 0.8, 0.0], [1, 1, 1, 0], bins=2) == pytest.approx(
        0.5 * 0.15 + 0.5 * 0.1
    )


def test_the_error_does_not_depend_on_which_photo_is_called_a() -> None:
    rng = np.random.default_rng(1)
    p, targets = rng.random(500), rng.choice([0, 0.3, 0.5, 1], 500)
    swapped = expected_calibration_error(list(1 - p), list(1 - targets))
    assert expected_calibration_error(list(p), list(targets)) == pytest.approx(swapped)


def test_equal_pairs_are_even_chances() -> None:
    assert expected_calibration_error([0.5] * 4, [0.5] * 4) == 0
    assert expected_calibration_error([0.8] * 4, [0.5] * 4) == pytest.approx(0.3)


@pytest.mark.parametrize("truth", [0.5, 1.0, 3.0])
def test_soft_targets_give_the_temperature_they_were_made_with(truth: float) -> None:
    logits = np.random.default_rng(2).normal(0, 2, 2000)
    targets = 1 / (1 + np.exp(-logits / truth))
    assert fit_temperature(list(logits), list(targets)) == pytest.approx(truth, rel=0.03)


def test_signed_logits_and_targets_say_the_same() -> None:
    rng = np.random.default_rng(3)
    logits, targets = rng.normal(size=300), rng.integers(0, 2, 300).astype(float)
    signed = list(np.where(targets > 0.5, logits, -logits))
    assert calibrate(list(logits), list(targets)) == calibrate(signed)


def test_a_few_right_pairs_do_not_ask_for_certainty() -> None:
    sure = 1 / (1 + np.exp(-1 / fit_temperature([1.0] * 10)))
    assert sure == pytest.approx(11 / 12, abs=0.01)


def test_too_close_is_the_least_confidence_that_reaches_the_goal() -> None:
    logits = [0.1, -0.2, -0.3, 0.4, 0.5, 0.6, 0.7, -0.8]
    for goal, first in ((0.6, 0.0), (0.66, 0.3), (0.75, 0.4), (0.8, 0.4)):
        band = fit_too_close(logits, 1.0, goal=goal)
        assert band == pytest.approx(1 / (1 + np.exp(-first)), abs=1e-4), goal
        assert band <= 1 / (1 + np.exp(-first)), "the pair on the edge is accepted"
    assert fit_too_close(logits, 1.0, goal=0.99, most_ties=0.25) == pytest.approx(1 / (1 + np.exp(-0.3)), abs=1e-4)


def test_equal_pairs_count_half_right() -> None:
    logits, targets = [0.1, 0.2, 0.3, 0.4], [0.5, 0.5, 1.0, 1.0]
    assert fit_too_close(logits, 1.0, targets, goal=0.75) == 0.5
    assert fit_too_close(logits, 1.0, targets, goal=0.9) == pytest.approx(1 / (1 + np.exp(-0.3)), abs=1e-4)


def test_a_calibration_tells_what_it_reached() -> None:
    logits = [2.0, -1.0, 3.0, 2.5] * 25
    fitted = calibrate(logits, goal=0.7, data="ours", sha256="a" * 64).fitted
    assert fitted is not None
    assert (fitted.data, fitted.sha256, fitted.pairs, fitted.goal) == ("ours", "a" * 64, 100, 0.7)
    assert fitted.accuracy == 0.75
    assert fitted.accepted == 1.0
