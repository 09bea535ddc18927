"""`attributes=true`: the Thinking Model's scores of both photos, or why there are none."""

import json
import re

import pytest
from fastapi.testclient import TestClient
from hypothesis import given
from hypothesis import strategies as st
from thinking_support import RATIONALE, Behaviour, complete, events, hangs, status, thinking, upstream

from idiff.thinking.attributes import NAMES, read, scores_regex

SCORES = {side: dict.fromkeys(NAMES, score) for side, score in (("A", 4.5), ("B", 2.0))}
ANSWER = json.dumps(SCORES)


def rated(client: TestClient, files: dict[str, bytes], **options: str) -> dict[str, object]:
    answer = client.post("/compare", files=files, data={"attributes": "true", **options})
    assert answer.status_code == 200, answer.text
    body: dict[str, object] = answer.json()
    return body


def test_both_photos_are_scored_beside_the_rationale(files: dict[str, bytes]) -> None:
    with upstream(complete(), complete(ANSWER)) as url, thinking(url) as client:
        answer = rated(client, files)
    assert answer["attributes"] == {
        "a": SCORES["A"],
        "b": SCORES["B"],
        "reason": None,
        "prompt_version": "attributes-2",
    }
    assert answer["rationale"]["text"] == RATIONALE
    assert answer["provenance"]["adapter"] == "rationale"


def test_they_come_without_a_rationale_too(files: dict[str, bytes]) -> None:
    with upstream(complete(ANSWER)) as url, thinking(url) as client:
        answer = rated(client, files, rationale="none")
    assert answer["rationale"] is None
    assert answer["attributes"]["a"] == SCORES["A"]
    assert answer["provenance"]["adapter"] == "rationale"


def test_they_are_the_last_but_one_event_of_a_stream(files: dict[str, bytes]) -> None:
    with upstream(complete(), complete(ANSWER)) as url, thinking(url) as client:
        streamed = events(client, files, attributes="true")
    assert [name for name, _ in streamed][-3:] == ["rationale", "attributes", "done"]
    assert streamed[-2][1]["b"] == SCORES["B"]


def test_nobody_scores_unasked(files: dict[str, bytes]) -> None:
    with upstream(complete()) as url, thinking(url) as client:
        answer = client.post("/compare", files=files).json()
    assert answer["attributes"] is None
    assert "attributes" not in answer["timings_ms"]


@pytest.mark.parametrize(
    ("behaviour", "reason"),
    [(hangs, "timeout"), (status(503), "busy"), (complete("No scores."), "malformed"), (complete("{}"), "malformed")],
)
def test_without_scores_there_is_a_reason(files: dict[str, bytes], behaviour: Behaviour, reason: str) -> None:
    with upstream(behaviour) as url, thinking(url) as client:
        answer = rated(client, files, rationale="measured")
        metrics = client.get("/metrics").text
    found = answer["attributes"]
    assert (found["a"], found["b"], found["reason"]) == (None, None, reason)
    assert answer["rationale"]["source"] == "measured"
    assert "attributes_missing" in {warning["code"] for warning in answer["warnings"]}
    assert 'idiff_warnings_total{code="attributes_missing"} 1.0' in metrics


def test_without_a_model_measurements_are_no_scores(client: TestClient, files: dict[str, bytes]) -> None:
    assert rated(client, files)["attributes"]["reason"] == "not_configured"


tenths = st.integers(10, 50).map(lambda tenth: f"{tenth / 10:.1f}")


@given(st.lists(tenths, min_size=2 * len(NAMES), max_size=2 * len(NAMES)))
def test_whatever_the_form_allows_is_read(scores: list[str]) -> None:
    count = len(NAMES)
    sides = (
        ", ".join(f'"{name}": {score}' for name, score in zip(NAMES, half, strict=True))
        for half in (scores[:count], scores[count:])
    )
    text = '{{"A": {{{}}}, "B": {{{}}}}}'.format(*sides)
    assert re.fullmatch(scores_regex(), text)
    found = read(text)
    assert found.a
    assert found.b
    assert [getattr(found.a, name) for name in NAMES] == [float(score) for score in scores[:count]]
    assert [getattr(found.b, name) for name in NAMES] == [float(score) for score in scores[count:]]
    assert not re.fullmatch(scores_regex(), text.replace(scores[0], "5.1", 1))
