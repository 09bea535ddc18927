"""How members' votes become a verdict, by every rule."""

import math
from pathlib import Path
from typing import get_args

import numpy as np
import pytest
from conftest import encode, serve
from hypothesis import given, settings
from hypothesis import strategies as st
from release_support import edit, tiny_release

from idiff.answer.ensemble import decide
from idiff.answer.manifest import Calibration, File, Member
from idiff.answer.rules import combine, shares, sigmoid
from idiff.config import Settings
from idiff.types import Category, Rule

RULES: tuple[Rule, ...] = get_args(Rule)
LOGITS = st.floats(-200, 200)
WEIGHTS = st.floats(1e-4, 1e4)
VOTES = st.lists(st.tuples(LOGITS, WEIGHTS), min_size=1, max_size=9)
GRAPH = File(path="x.onnx", sha256="0" * 64, bytes=1)


def member(weight: float = 1.0) -> Member:
    return Member(
        name="x",
        domain="scene",
        backbone="x",
        encoder=GRAPH,
        head=GRAPH,
        input_size=64,
        embedding=4,
        mean=(0, 0, 0),
        std=(1, 1, 1),
        opset=20,
        parameters=1,
        weight=weight,
    )


@settings(deadline=None)
@given(st.sampled_from(RULES), VOTES, st.floats(0.1, 10))
def test_swapping_negates_to_the_last_bit(rule: Rule, votes: list[tuple[float, float]], temperature: float) -> None:
    calibration = Calibration(temperature=temperature, too_close=0.6)
    category = Category("scene", "given", None)
    forward, backward = (
        decide([(member(weight), sign * logit) for logit, weight in votes], category, calibration, rule)
        for sign in (1, -1)
    )
    assert forward.logit == -backward.logit
    assert math.isfinite(forward.logit)
    assert forward.confidence == backward.confidence
    assert forward.too_close == backward.too_close
    assert forward.too_close or forward.preferred
    assert {forward.preferred, backward.preferred} in ({"A", "B"}, {None})
    assert forward.rule == rule
    assert math.fsum(vote.weight for vote in forward.votes) == pytest.approx(1)


@settings(deadline=None)
@given(st.sampled_from(RULES), st.lists(WEIGHTS, min_size=1, max_size=9))
def test_members_without_an_opinion_prefer_neither(rule: Rule, weights: list[float]) -> None:
    assert combine(rule, [0.0] * len(weights), weights) == 0


@settings(deadline=None)
@given(VOTES)
def test_more_votes_win_the_majority(votes: list[tuple[float, float]]) -> None:
    logits = [logit for logit, _ in votes]
    ahead = sum(logit > 0 for logit in logits) - sum(logit < 0 for logit in logits)
    found = combine("majority", logits, [weight for _, weight in votes])
    if ahead:
        assert math.copysign(1, found) == math.copysign(1, ahead)


def test_rules_differ_where_they_should() -> None:
    logits, weights = [3.0, -0.3, -0.3], [1.0, 8.0, 1.0]
    assert combine("mean", logits, weights) > 0
    assert combine("majority", logits, weights) < 0
    assert combine("weighted", logits, weights) < 0
    assert combine("majority", [3.0, -0.2], [1, 1]) > 0, "the mean decides an equal vote"


def test_figures_are_those_of_the_formulas() -> None:
    logits, weights = [1.0, -0.5, 2.0], [1.0, 1.0, 2.0]
    p = [sigmoid(logit) for logit in logits]
    assert sigmoid(combine("mean", logits, weights)) == pytest.approx(sum(p) / 3)
    assert sigmoid(combine("weighted", logits, weights)) == pytest.approx((p[0] + p[1] + 2 * p[2]) / 4)
    assert sigmoid(combine("majority", logits, weights)) == pytest.approx((2 + sum(p) / 3) / 4)
    assert shares("weighted", weights) == [0.25, 0.25, 0.5]
    assert shares("majority", weights) == [1 / 3] * 3


@pytest.mark.parametrize("rule", RULES)
def test_the_service_says_which_rule_it_used(tmp_path: Path, rule: Rule) -> None:
    folder = tiny_release(tmp_path / "tiny", members=3)
    edit(folder, rule=rule)
    bright, dark = (encode(np.full((40, 40, 3), tone, np.uint8)) for tone in (120, 60))
    with serve(Settings(release=folder)) as client:
        schema = client.get("/openapi.json").json()["components"]["schemas"]["Verdict"]["properties"]["rule"]
        answer = client.post("/compare", files={"image_a": bright, "image_b": dark}, data={"category": "scene"})
    assert answer.json()["verdict"]["rule"] == rule
    assert answer.json()["verdict"]["preferred"] == "A"
    assert schema["enum"] == list(RULES)
