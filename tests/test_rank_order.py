"""From pairwise verdicts to an order: the fit, its errors, groups and circles."""

import math

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from idiff.ranking.bradley_terry import fit
from idiff.ranking.order import chances, put_in_order

strengths = st.lists(st.floats(-3, 3), min_size=2, max_size=12)


def logits_of(values: list[float]) -> np.ndarray:
    """Verdicts that agree wholly with these strengths."""
    return np.subtract.outer(values, values)


@settings(deadline=None)  # the first fit imports SciPy
@given(strengths)
@example([3.0, -3.0])
@example([3.0] + [-3.0] * 11)
@example([3.0] + [-3.0] * 63)
def test_strengths_of_consistent_verdicts_are_found_again(values: list[float]) -> None:
    found = fit(chances(logits_of(values)))
    assert found.values == pytest.approx(np.array(values) - np.mean(values), abs=0.01)


def test_the_error_is_that_of_one_vote_a_pair() -> None:
    gap = 1.2
    chance = 1 / (1 + math.exp(-gap))
    found = fit(chances(logits_of([gap, 0.0])))
    # The variance of the log-odds of one vote, of which each of the two photos' strengths has half.
    assert found.errors == pytest.approx([0.5 / math.sqrt(chance * (1 - chance))] * 2, rel=1e-3)
    assert fit(np.full((9, 9), 0.5)).errors[0] < fit(np.full((3, 3), 0.5)).errors[0]


@pytest.mark.parametrize("count", [2, 3, 64])
def test_certain_verdicts_have_finite_strengths(count: int) -> None:
    found = fit(np.triu(np.ones((count, count)), 1) + np.eye(count) / 2)
    assert (np.diff(found.values) < 0).all()
    assert np.abs(found.values).max() < 100
    assert np.isfinite(found.errors).all()


@given(st.lists(st.floats(-90, 90), min_size=3, max_size=3))
def test_chances_are_exactly_complementary(values: list[float]) -> None:
    upper = np.zeros((3, 3))
    upper[np.triu_indices(3, 1)] = values
    found = chances(upper - upper.T)
    assert (found + found.T == 1).all()


def test_runs_are_as_long_as_any_two_of_them_are_alike() -> None:
    order = put_in_order(logits_of([0.0, 0.3, 0.6, 2.0, 2.2]), [0, 1, 2, 3, 4], tie_band=0.6)  # a gap of 0.41
    assert order.best_first == (4, 3, 2, 1, 0)
    assert order.alike == ((4, 3), (2, 1), (1, 0))


def test_equal_photos_share_rank_and_run_whatever_the_band() -> None:
    order = put_in_order(logits_of([0.0, 1.0]), [0, 1, 0], tie_band=0.5)
    assert order.best_first == (1, 0, 2)
    assert order.ranks == (2, 1, 2)
    assert order.alike == ((0, 2),)


def test_circles_are_named_once_with_their_weakest_verdict() -> None:
    verdicts = np.zeros((4, 4))
    for winner, loser, logit in ((0, 1, 2.0), (1, 2, 1.0), (2, 0, 0.5), (0, 3, 1.0), (1, 3, 1.0), (2, 3, 1.0)):
        verdicts[winner, loser], verdicts[loser, winner] = logit, -logit
    (circle,) = put_in_order(verdicts, range(4), tie_band=0.6).circles
    assert circle.photos == (0, 1, 2)
    assert circle.confidence == pytest.approx(1 / (1 + math.exp(-0.5)))
    assert put_in_order(verdicts, range(4), 0.6).best_first[-1] == 3
