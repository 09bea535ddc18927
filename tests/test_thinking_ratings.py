"""`idiff thinking ratings`, and what sampled scores of attributes are worth."""

import json
from pathlib import Path

import numpy as np
import pytest
from conftest import encode
from hypothesis import given
from hypothesis import strategies as st
from typer.testing import CliRunner

pytest.importorskip("tqdm", reason="needs the evaluate extra")

from idiff.thinking.attributes import NAMES
from idiff_models.thinking.cli import app
from idiff_models.thinking.rewards import attribute_rewards


def asked(ratings: Path, *options: str) -> tuple[int, str, list[dict[str, object]]]:
    out = ratings.parent / "out"
    done = CliRunner().invoke(app, ["ratings", str(ratings), "--out", str(out), *options])
    file = out / "attributes.jsonl"
    return (
        done.exit_code,
        done.stderr,
        [json.loads(line) for line in file.read_text().splitlines()] if file.exists() else [],
    )


@pytest.fixture
def ratings(tmp_path: Path) -> Path:
    """Five photographs of two sets, whose raters asked different things on different scales."""
    draw = np.random.default_rng(0)
    for name in "abcde":
        (tmp_path / f"{name}.png").write_bytes(encode(draw.integers(0, 256, (80, 90, 3), np.uint8)))
    file = tmp_path / "ratings.csv"
    file.write_text(
        "image,set,overall,noise,other\n"
        "a.png,authentic,71.5,,x\nb.png,authentic,20,,x\nc.png,authentic,55,,x\n"
        "d.png,generated,3.5,4,x\ne.png,generated,,1,x\n"
    )
    return file


def test_photographs_are_shown_beside_others_of_their_set(ratings: Path) -> None:
    code, _, rows = asked(ratings, "--rounds", "2")
    assert code == 0
    assert len(rows) == 2 * (2 + 1)
    opinions = {"authentic": [71.5, 20, 55]}
    for row in rows:
        assert row["messages"][1]["content"].count("<image>") == len(row["images"]) == 4
        assert all((ratings.parent / "out" / name).exists() for name in row["images"])
        left, right = row["truth"]
        assert left != right
        if row["set"] == "authentic":
            assert {left["overall"], right["overall"]} <= set(opinions["authentic"])
            assert "noise" not in left
        else:
            assert sorted([left["noise"], right["noise"]]) == [1, 4]
    assert len({row["name"] for row in rows}) == len(rows)
    shown = [row["truth"][side]["overall"] for row in rows if row["set"] == "authentic" for side in (0, 1)]
    assert set(shown) == set(opinions["authentic"])


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("image,set\na.png,x", "needs columns"),
        ("image,overall\na.png,1", "needs columns"),
        ("image,set,overall\na.png,x,good", "line 2: column overall: 'good'"),
        ("image,set,overall\na.png,x,1\nb.png,y,2", "no set has two"),
        ("image,set,overall,noise\na.png,x,1,\nb.png,x,,2", "no set has two"),
        ("image,set,overall\na.png,,1\nb.png,,2", "line 2: needs an image and the set"),
        ("image,set,overall\na.png", "line 2: needs an image and the set"),
        ("image,set,overall\na.png,x,1\nnone.png,x,2", "none.png"),
    ],
)
def test_ratings_that_cannot_be_used_are_refused(ratings: Path, text: str, said: str) -> None:
    ratings.write_text(text)
    code, stderr, _ = asked(ratings)
    assert code == 2
    assert said in stderr


def text(a: float, b: float) -> str:
    return json.dumps({side: dict.fromkeys(NAMES, score) for side, score in (("A", a), ("B", b))})


def test_the_right_order_earns_all_and_what_cannot_be_read_nothing() -> None:
    texts = [text(4, 2), text(4.5, 1.5), text(2, 4), "no scores", text(9, 1)]
    truths = [({"overall": 80.0}, {"overall": 20.0})] * len(texts)
    right, sure, wrong, garbled, beyond = attribute_rewards(texts, ["one"] * 5, truths, ["x"] * 5)
    assert sure > right > wrong > 0
    assert garbled == beyond == 0


@given(st.lists(st.tuples(st.integers(10, 50), st.integers(10, 50)), min_size=4, max_size=4))
def test_swapping_the_photos_swaps_nothing_of_the_reward(scores: list[tuple[int, int]]) -> None:
    truths = [({"overall": 3.0}, {"overall": 1.0})] * 4
    names, sets = ["one", "one", "two", "two"], ["x"] * 4
    plain = attribute_rewards([text(a / 10, b / 10) for a, b in scores], names, truths, sets)
    turned = attribute_rewards(
        [text(b / 10, a / 10) for a, b in scores], names, [(right, left) for left, right in truths], sets
    )
    assert all(0 <= reward <= 1 + 1e-9 for reward in plain)
    np.testing.assert_allclose(plain, turned)


def test_an_attribute_that_nobody_can_be_compared_by_does_not_count() -> None:
    texts, both = [text(4, 2), text(4, 2)], ({"overall": 80.0}, {"overall": 20.0})
    one = ({"overall": 80.0, "noise": 3.0}, {"overall": 20.0, "noise": None})
    plain, more = (attribute_rewards(texts, ["one", "one"], [truth] * 2, ["x", "x"]) for truth in (both, one))
    np.testing.assert_allclose(more, plain)


def test_other_sets_in_the_batch_change_nothing() -> None:
    texts, truths = [text(4, 2), text(3, 3)], [({"overall": 80.0}, {"overall": 20.0})] * 2
    alone = attribute_rewards(texts, ["one", "one"], truths, ["x", "x"])
    more = [({"overall": 1.0}, {"overall": 5.0})]
    beside = attribute_rewards([*texts, text(1, 5)], ["one", "one", "two"], truths + more, ["x", "x", "y"])
    np.testing.assert_allclose(beside[:2], alone)
