"""POST /compare: the contract and its laws."""

import json
import math
from typing import Any

import numpy as np
import pytest
from conftest import Post, encode, pixels
from fastapi.testclient import TestClient
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from idiff.schemas import Comparison

SIDES = {"A": "B", "B": "A", None: None}


def test_contract(post: Post, pair: tuple[bytes, bytes]) -> None:
    answer = post({"image_a": pair[0], "image_b": pair[1]})
    comparison = Comparison.model_validate(answer)
    verdict = comparison.verdict
    assert answer["api_version"] == 1
    assert set(answer) == {
        "id", "api_version", "verdict", "rationale", "attributes", "features", "maps", "views", "warnings",
        "provenance", "timings_ms",
    }  # fmt: skip
    assert verdict.preferred == "A"
    assert verdict.category == "person"
    assert verdict.category_source == "detected"
    assert verdict.confidence == max(verdict.probability_a, 1 - verdict.probability_a)
    assert verdict.probability_a == pytest.approx(1 / (1 + math.exp(-verdict.logit)))
    assert len(verdict.votes) == 5
    assert len({vote.backbone for vote in verdict.votes}) == 5
    assert sum(vote.weight for vote in verdict.votes) == pytest.approx(1)
    assert comparison.views.same_scene
    assert comparison.views.crop_method == "face"
    assert comparison.provenance.providers == ["CPUExecutionProvider"]
    assert comparison.timings_ms["total"] >= comparison.timings_ms["decode"] > 0
    assert answer["features"]["learned"] is None


def test_measured_rationale(post: Post, pair: tuple[bytes, bytes]) -> None:
    rationale = post({"image_a": pair[0], "image_b": pair[1]})["rationale"]
    assert rationale["source"] == "measured"
    assert rationale["reason"] == "not_configured"
    assert len(rationale["lines"]) >= 3
    assert rationale["summary"] in rationale["text"]
    assert all(line["text"] and line["region"] and line["metric"] for line in rationale["lines"])
    assert any(line["favours"] == "A" for line in rationale["lines"])


def test_rationale_options(post: Post, pair: tuple[bytes, bytes]) -> None:
    files = {"image_a": pair[0], "image_b": pair[1]}
    assert post(files, rationale="none")["rationale"] is None
    assert post(files, rationale="measured")["rationale"]["reason"] is None
    asked = post(files, rationale="model")
    assert asked["rationale"]["reason"] == "not_configured"
    assert "rationale_fallback" in {warning["code"] for warning in asked["warnings"]}


@pytest.mark.parametrize("category", ["person", "scene"])
def test_given_category(post: Post, pair: tuple[bytes, bytes], category: str) -> None:
    verdict = post({"image_a": pair[0], "image_b": pair[1]}, category=category)["verdict"]
    assert verdict["category"] == category
    assert verdict["category_source"] == "given"
    assert verdict["category_confidence"] is None
    assert all(vote["member"].startswith(category) for vote in verdict["votes"])


def assert_mirrored(one: dict[str, Any], other: dict[str, Any]) -> None:
    """`other` is `one` with the photos swapped."""
    first, second = one["verdict"], other["verdict"]
    assert first["logit"] == pytest.approx(-second["logit"], abs=1e-6)
    assert first["preferred"] == SIDES[second["preferred"]]
    assert [SIDES[vote["preferred"]] for vote in first["votes"]] == [vote["preferred"] for vote in second["votes"]]
    assert first["category"] == second["category"]
    assert (one["features"]["a"], one["features"]["b"]) == (other["features"]["b"], other["features"]["a"])
    assert (one["views"]["a"], one["views"]["b"]) == (other["views"]["b"], other["views"]["a"])
    lines = zip(one["rationale"]["lines"], other["rationale"]["lines"], strict=True)
    assert all(line["favours"] == SIDES[twin["favours"]] for line, twin in lines)


def test_swap(post: Post, pair: tuple[bytes, bytes]) -> None:
    a, b = pair
    assert_mirrored(post({"image_a": a, "image_b": b}), post({"image_a": b, "image_b": a}))


@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    seed=st.integers(0, 2**32 - 1),
    size_a=st.tuples(st.integers(16, 300), st.integers(16, 300)),
    size_b=st.tuples(st.integers(16, 300), st.integers(16, 300)),
)
def test_swap_law(post: Post, seed: int, size_a: tuple[int, int], size_b: tuple[int, int]) -> None:
    rng = np.random.default_rng(seed)
    a, b = (encode(rng.integers(0, 256, (*size, 3), np.uint8)) for size in (size_a, size_b))
    assert_mirrored(post({"image_a": a, "image_b": b}), post({"image_a": b, "image_b": a}))


def test_identical_photos_tie(post: Post, pair: tuple[bytes, bytes]) -> None:
    verdict = post({"image_a": pair[0], "image_b": pair[0]})["verdict"]
    assert verdict["preferred"] is None
    assert verdict["probability_a"] == 0.5
    assert verdict["logit"] == 0
    assert verdict["too_close"]
    assert all(vote["preferred"] is None for vote in verdict["votes"])


def test_layouts_agree(post: Post, pair: tuple[bytes, bytes]) -> None:
    a, b = (pixels(photo) for photo in pair)
    photos = post({"image_a": encode(a), "image_b": encode(b)})
    merged = post({"merged_global": encode(np.hstack([a, b]))})
    assert merged["verdict"]["logit"] == pytest.approx(photos["verdict"]["logit"], abs=1e-6)
    assert merged["views"] == photos["views"]

    crops = [encode(side[100:300, 150:350]) for side in (a, b)]
    views = post({"image_a": encode(a), "image_b": encode(b), "crop_a": crops[0], "crop_b": crops[1]})
    merged_crop = encode(np.hstack([side[100:300, 150:350] for side in (a, b)]))
    both = post({"merged_global": encode(np.hstack([a, b])), "merged_crop": merged_crop})
    assert views["views"]["crop_method"] == both["views"]["crop_method"] == "given"
    assert views["views"]["a"]["crop_size"] == {"width": 200, "height": 200}
    assert views["views"]["a"]["crop_box"] is None
    assert both["verdict"]["logit"] == pytest.approx(views["verdict"]["logit"], abs=1e-6)


def test_different_scenes_are_flagged(post: Post, pair: tuple[bytes, bytes]) -> None:
    y, x = np.mgrid[:400, :600]
    stripes = np.dstack([128 + 90 * np.sin(x / 9), 128 + 90 * np.cos(y / 5), 128 + 90 * np.sin((x + y) / 13)])
    answer = post({"image_a": pair[0], "image_b": encode(stripes.astype(np.uint8))})
    assert not answer["views"]["same_scene"]
    assert "not_same_scene" in {warning["code"] for warning in answer["warnings"]}
    assert answer["verdict"]["preferred"] in {"A", "B"}


def test_stream(client: TestClient, pair: tuple[bytes, bytes]) -> None:
    files = {"image_a": pair[0], "image_b": pair[1]}
    with client.stream("POST", "/compare", files=files, headers={"Accept": "text/event-stream"}) as answer:
        assert answer.headers["content-type"].startswith("text/event-stream")
        events = [
            dict(line.split(": ", 1) for line in block.splitlines())
            for block in "".join(answer.iter_text()).split("\n\n")
            if block
        ]
    names = [event["event"] for event in events]
    bodies = [json.loads(event["data"]) for event in events]
    assert names[0] == "verdict"
    assert names[-2:] == ["rationale", "done"]
    assert set(names[1:-2]) == {"rationale.delta"}
    assert bodies[0]["verdict"]["preferred"] == "A"
    assert bodies[0]["rationale"] is None
    assert "".join(body["text"] for body in bodies[1:-2]) == bodies[-2]["text"]
    assert bodies[-1]["id"] == bodies[0]["id"]


@pytest.mark.parametrize(
    ("accept", "kind"),
    [
        ("text/event-stream", "text/event-stream"),
        ("TEXT/EVENT-STREAM, */*;q=0.1", "text/event-stream"),
        ("text/event-stream;q=0", "application/json"),
        ("application/json, text/event-stream;q=0.1", "application/json"),
        ("text/event-stream;q=odd", "text/event-stream"),
        ("*/*", "application/json"),
    ],
)
def test_accept(client: TestClient, pair: tuple[bytes, bytes], accept: str, kind: str) -> None:
    files = {"image_a": pair[0], "image_b": pair[0]}
    answer = client.post("/compare", files=files, headers={"Accept": accept})
    assert answer.headers["content-type"].startswith(kind)


@pytest.mark.parametrize("size", [(16, 20000), (20000, 16), (16, 16)])
def test_extreme_shapes(post: Post, pair: tuple[bytes, bytes], size: tuple[int, int]) -> None:
    a = np.random.default_rng(5).integers(0, 256, (*size, 3), np.uint8)
    for other in (encode(a[::-1].copy()), pair[0]):
        assert_mirrored(post({"image_a": encode(a), "image_b": other}), post({"image_a": other, "image_b": encode(a)}))
