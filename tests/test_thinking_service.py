"""The service with a faulty Thinking Model behind it: the verdict never waits on it and never fails with it."""

from typing import Any

import pytest
from conftest import Post
from fastapi.testclient import TestClient
from thinking_support import (
    RATIONALE,
    Behaviour,
    complete,
    events,
    hangs,
    hangs_midway,
    status,
    thinking,
    turns,
    upstream,
)

from idiff.config import Settings
from idiff.thinking import grounded, messages
from idiff.thinking.adapters import Adapters
from idiff.thinking.client import ThinkingModel
from idiff.thinking.options import ThinkingOptions
from idiff.types import Image


def test_the_model_writes(files: dict[str, bytes]) -> None:
    with upstream(complete()) as url, thinking(url) as client:
        answer = client.post("/compare", files=files).json()
        streamed = events(client, files)
    assert answer["rationale"]["source"] == "model"
    assert answer["rationale"]["text"] == RATIONALE
    assert answer["rationale"]["reason"] is None
    assert answer["provenance"]["adapter"] == "rationale"
    checked = [line["agrees"] for line in answer["rationale"]["lines"]]
    assert None not in checked[:1], "sharpness can be measured in these photos"
    assert answer["rationale"]["grounding"] == sum(map(bool, checked)) / sum(said is not None for said in checked)
    assert answer["rationale"]["lines"][0]["measured"]["quality"] in ("sharpness", "detail")
    names = [name for name, _ in streamed]
    assert names[0] == "verdict"
    assert names[-2:] == ["rationale", "done"]
    assert "".join(data["text"] for name, data in streamed if name == "rationale.delta") == RATIONALE
    assert streamed[-1][1]["adapter"] == "rationale"


@pytest.mark.parametrize(
    ("behaviour", "reason"), [(hangs, "timeout"), (status(503), "busy"), (complete("No form."), "malformed")]
)
def test_any_fault_falls_back(post: Post, files: dict[str, bytes], behaviour: Behaviour, reason: str) -> None:
    with upstream(behaviour) as url, thinking(url) as client:
        answer = client.post("/compare", files=files).json()
        metrics = client.get("/metrics").text
    alone = post(files)
    assert answer["verdict"] == alone["verdict"]
    assert answer["rationale"] == alone["rationale"] | {"reason": reason}
    assert "rationale_fallback" in {warning["code"] for warning in answer["warnings"]}
    assert f'idiff_rationales_total{{adapter="",reason="{reason}",source="measured"}} 1.0' in metrics
    assert 'idiff_warnings_total{code="rationale_fallback"} 1.0' in metrics


def test_a_text_that_fails_is_taken_back_and_asked_for_again(files: dict[str, bytes]) -> None:
    with upstream(turns(complete("No form."), complete())) as url, thinking(url) as client:
        streamed = events(client, files)
        metrics = client.get("/metrics").text
    names = [name for name, _ in streamed]
    assert names.count("rationale.restart") == 1
    after = streamed[names.index("rationale.restart") + 1 : -2]
    assert "".join(data["text"] for _, data in after) == RATIONALE == streamed[-2][1]["text"]
    assert streamed[-2][1]["source"] == "model"
    assert 'idiff_rationale_retries_total{adapter="rationale",reason="malformed"} 1.0' in metrics
    assert 'idiff_rationale_claims_total{adapter="rationale",measured="' in metrics


def test_nobody_there(post: Post, files: dict[str, bytes]) -> None:
    with thinking("http://127.0.0.1:9") as client:
        answer = client.post("/compare", files=files).json()
    assert answer["verdict"] == post(files)["verdict"]
    assert answer["rationale"]["reason"] == "unreachable"


def test_what_was_streamed_is_taken_back(files: dict[str, bytes]) -> None:
    with upstream(hangs_midway) as url, thinking(url) as client:
        streamed = events(client, files)
    names = [name for name, _ in streamed]
    assert names[:3] == ["verdict", "rationale.delta", "rationale.restart"]
    assert streamed[2][1] == {"reason": "timeout"}
    assert streamed[-2][1]["source"] == "measured"
    after = [data["text"] for name, data in streamed[3:] if name == "rationale.delta"]
    assert "".join(after) == streamed[-2][1]["text"]
    assert "rationale_fallback" in {warning["code"] for warning in streamed[-1][1]["warnings"]}


def test_a_rationale_that_fails_leaves_the_verdict(
    client: TestClient, files: dict[str, bytes], monkeypatch: pytest.MonkeyPatch
) -> None:
    def fails(*_: object) -> None:
        raise RuntimeError

    monkeypatch.setattr(grounded, "explain", fails)
    answer = client.post("/compare", files=files)
    assert answer.status_code == 200
    assert answer.json()["verdict"]["preferred"] == "A"
    assert answer.json()["rationale"] is None
    assert "rationale_failed" in {warning["code"] for warning in answer.json()["warnings"]}
    streamed = events(client, files)
    assert [name for name, _ in streamed] == ["verdict", "error", "done"]
    assert streamed[1][1]["error"]["code"] == "rationale_failed"
    assert 'idiff_warnings_total{code="rationale_failed"} 2.0' in client.get("/metrics").text


@pytest.mark.parametrize(
    ("settings", "version", "told"),
    [
        ({}, "idiff-2/person/cv/answer/1-7", True),
        ({"thinking_wording": "paper"}, "paper-2/person/cv/answer/1-7", True),
        ({"thinking_stage": "templates"}, "idiff-2/person/1-7", False),
        ({"thinking_stage": "generic", "thinking_wording": "paper"}, "paper-2/generic/1-7", False),
        ({"thinking_stage": "baseline"}, "idiff-2/plain/free", False),
    ],
)
def test_an_adapter_is_asked_as_it_was_trained(
    files: dict[str, bytes], settings: dict[str, str], version: str, told: bool
) -> None:
    asked: list[dict[str, Any]] = []
    with upstream(complete(), requests=asked) as url, thinking(url, **settings) as client:
        answer = client.post("/compare", files=files, data={"category": "person"}).json()
    assert answer["rationale"]["source"] == "model"
    assert answer["rationale"]["prompt_version"] == version
    assert ("Ground truth: Left is better." in asked[0]["messages"][1]["content"][0]["text"]) == told


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"thinking_stage": "judge"}, "judges by itself"),
        ({"thinking_stage": "all"}, "thinking_stage"),
        ({"thinking_wording": "mine"}, "thinking_wording"),
        ({"thinking_max_tokens": 64}, "no room for 7 lines"),
    ],
)
def test_settings_that_cannot_be_served_are_refused(settings: dict[str, Any], said: str) -> None:
    with pytest.raises(ValueError, match=said):
        Settings(**settings)


def test_the_views_of_a_pair_are_encoded_once(files: dict[str, bytes], monkeypatch: pytest.MonkeyPatch) -> None:
    """For a rationale, another try at it, and the scores."""
    encoded: list[object] = []
    plain = messages.encode

    def counting(view: Image, pixels: int) -> bytes:
        encoded.append(view)
        return plain(view, pixels)

    monkeypatch.setattr(messages, "encode", counting)
    asked: list[dict[str, Any]] = []
    behaviour = turns(complete("No form."), complete())
    with upstream(behaviour, complete("No scores."), asked) as url, thinking(url) as client:
        answer = client.post("/compare", files=files, data={"attributes": "true"}).json()
    assert answer["rationale"]["source"] == "model"
    assert (len(asked), len(encoded)) == (3, 4)


def test_an_adapter_on_trial_explains_its_share_of_the_pairs() -> None:
    main, trial = (ThinkingModel(ThinkingOptions("http://127.0.0.1:9", name)) for name in ("rationale", "next"))
    adapters, ids = Adapters(main, trial, 0.25), [f"pair-{number}" for number in range(2000)]
    chosen = [adapters.of(name) for name in ids]
    assert chosen == [adapters.of(name) for name in ids]
    assert 0.2 < chosen.count(trial) / len(ids) < 0.3
    trial.barred = "a check failed"
    assert {adapters.of(name) for name in ids} == {main}


def test_the_answer_names_the_adapter_on_trial(files: dict[str, bytes]) -> None:
    with upstream(complete()) as url, thinking(url, thinking_trial="next", thinking_trial_share=1.0) as client:
        answer = client.post("/compare", files=files).json()
        info, metrics = client.get("/info").json(), client.get("/metrics").text
    assert answer["provenance"]["adapter"] == "next"
    assert (info["thinking"]["model"], info["thinking_trial"]["model"]) == ("rationale", "next")
    assert (
        'idiff_adapter_info{adapter="next",family="qwen3-vl",role="trial",stage="answer",wording="idiff"} 1.0'
        in metrics
    )
    assert 'idiff_adapter_info{adapter="rationale",family="qwen3-vl",role="main",' in metrics
    assert 'idiff_thinking_calls_total{adapter="next",outcome="ok"} 1.0' in metrics
    assert 'idiff_rationale_grounding_count{adapter="next",source="model"}' in metrics
