"""What a sampled rationale is worth, and the laws of the fidelity reward."""

import math

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pair_support import views_of
from picture import chart
from thinking_support import RATIONALE

from idiff.features import measure_photo
from idiff.thinking.measured import measure
from idiff.types import Features
from idiff_models.thinking.rewards import (
    answer_of,
    answered,
    attribute_fidelity,
    expert,
    fidelity,
    formed,
    grounded,
    sampled,
)

SUMMARY = "Global Overall: Image A (Left) is preferred."


def test_the_answer_and_the_form() -> None:
    assert [answered(f"<thinking>x</thinking><answer>{side}</answer>", "A") for side in ("A", " a ", "B")] == [1, 1, 0]
    assert answered("Image A is better", "A") == 0
    assert formed(RATIONALE) == 1
    assert formed(RATIONALE, (5, 7)) == 0
    assert formed(RATIONALE + "\nAnd more") == 0
    assert sampled(f"<thinking>\n{RATIONALE}\n</thinking>\n<answer>A</answer>") == RATIONALE


def test_a_solution_may_be_an_answer_alone() -> None:
    assert (answer_of("<answer>b</answer>"), expert("<answer>b</answer>")) == ("B", None)
    assert (answer_of(RATIONALE), expert(f"<thinking>\n{RATIONALE}\n</thinking>")) == (None, RATIONALE)


def test_only_what_was_measured_is_rewarded() -> None:
    views = views_of(chart(), cv2.GaussianBlur(chart(), (0, 0), 2.0))
    what = measure(Features(measure_photo(views.a), measure_photo(views.b)), views)
    true, false, vague = (
        f"{line}\n{SUMMARY}"
        for line in (
            "Face Sharpness: Image A (Left) is sharper.",
            "Face Sharpness: Image B (Right) is sharper.",
            "Face Realism: Image A (Left) looks natural.",
        )
    )
    assert [grounded(text, what) for text in (true, false, vague, "")] == [1, 0, 0, 0]


def drawn(count: int, samples: int = 4) -> st.SearchStrategy[np.ndarray]:
    row = st.lists(st.floats(1, 5), min_size=samples, max_size=samples)
    return st.lists(row, min_size=count, max_size=count).map(np.array)


OPINIONS = st.integers(0, 10_000).map(lambda hundredths: hundredths / 100)
"""In hundredths: of two that differ by less than rounding, another scale makes equals."""


@given(drawn(5), st.lists(OPINIONS, min_size=5, max_size=5).map(np.array))
def test_a_reward_is_a_share_and_sets_do_not_mix(scores: np.ndarray, truth: np.ndarray) -> None:
    alone = fidelity(scores[:3], truth[:3], ["x"] * 3)
    together = fidelity(scores, truth, ["x", "x", "x", "y", "y"])
    assert np.all((together >= 0) & (together <= 1 + 1e-9))
    np.testing.assert_allclose(together[:3], alone)
    np.testing.assert_allclose(fidelity(scores[:3], 7 * truth[:3] + 3, ["x"] * 3), alone)


def test_the_right_order_is_worth_one_and_the_wrong_one_nothing() -> None:
    scores, truth = np.repeat([[1.0], [3.0], [5.0]], 4, axis=1), np.array([10.0, 50.0, 90.0])
    np.testing.assert_allclose(fidelity(scores, truth, ["x"] * 3), 1, atol=1e-6)
    np.testing.assert_allclose(fidelity(scores, -truth, ["x"] * 3), 0, atol=1e-6)
    np.testing.assert_allclose(fidelity(np.full((3, 4), 3.0), np.full(3, 7.0), ["x"] * 3), 1, atol=1e-6)
    assert np.all(np.isnan(fidelity(scores, truth, ["x", "y", "z"]))), "nobody to be compared with"
    assert np.all(attribute_fidelity({"overall": scores}, {"overall": truth}, ["x", "y", "z"]) == 0)


def test_the_reward_is_the_published_formula() -> None:
    scores, truth = np.array([[3.0, 4.0], [2.0, 4.0]]), np.array([7.0, 5.0])
    # Means 3.5 and 3, variances 1/4 and 1; the first is the better one, so that t is 1 and the reward sqrt(p).
    p = [0.5 * (1 + math.erf((score - 3) / math.sqrt(2 * (1.25 + 1e-6)))) for score in scores[0]]
    np.testing.assert_allclose(fidelity(scores, truth, ["x", "x"])[0], np.sqrt(p))


def test_an_attribute_counts_where_it_was_rated() -> None:
    scores = {name: np.repeat([[1.0], [5.0]], 2, axis=1) for name in ("overall", "noise")}
    truth = {"overall": np.array([1.0, 2.0]), "noise": np.array([np.nan, np.nan])}
    np.testing.assert_allclose(attribute_fidelity(scores, truth, ["x", "x"]), 1, atol=1e-6)
    truth["noise"] = np.array([2.0, 1.0])
    np.testing.assert_allclose(attribute_fidelity(scores, truth, ["x", "x"]), 0.5, atol=1e-6)


@pytest.mark.parametrize("samples", [1, 8])
def test_a_better_sample_of_a_better_image_earns_more(samples: int) -> None:
    scores = np.full((2, samples), 3.0) + np.array([[0.5], [-0.5]]) + np.linspace(-0.4, 0.4, samples)
    rewards = fidelity(scores, np.array([9.0, 1.0]), ["x", "x"])
    assert np.all(np.diff(rewards[0]) >= 0)
    assert np.all(np.diff(rewards[1]) <= 0)
