"""Other families of models: the same prompt and views, told in the way each can read."""

import json
from typing import Any, get_args

import pytest
from thinking_support import prompt, verdict, views

from idiff.thinking.families import FAMILIES, FamilyName
from idiff.thinking.messages import request_body
from idiff.thinking.options import ThinkingOptions
from idiff.thinking.prompt import VIEW_LABELS, build


def content(family: FamilyName) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    body = json.loads(request_body(prompt(), views(), ThinkingOptions(family=family), ".*"))
    return body, body["messages"][1]["content"]


def test_every_family_is_in_the_table() -> None:
    assert set(FAMILIES) == set(get_args(FamilyName))


@pytest.mark.parametrize("family", get_args(FamilyName))
def test_all_views_are_sent_last_and_in_the_same_order(family: FamilyName) -> None:
    _, parts = content(family)
    _, reference = content("qwen3-vl")
    pictures = [part["uuid"] for part in parts if part["type"] == "image_url"]
    assert pictures == [part["uuid"] for part in reference if part["type"] == "image_url"]
    assert len(pictures) == 4
    assert parts[0]["text"].endswith(prompt().user), "nothing constant stands behind what differs"
    text = "".join(part["text"] for part in parts if part["type"] == "text").replace(prompt().user, "")
    places = [text.index(label.rstrip(":")) for label in VIEW_LABELS]
    assert places == sorted(places)


def test_labels_stand_before_their_image_or_all_before_the_first() -> None:
    kinds = {family: [part["type"] for part in content(family)[1]] for family in get_args(FamilyName)}
    assert kinds["qwen3-vl"] == ["text", *["text", "image_url"] * 4]
    assert kinds["minicpm-v"] == ["text", *["image_url"] * 4]


def test_models_that_reason_aloud_are_told_not_to() -> None:
    assert content("glm-4.6v-flash")[0]["chat_template_kwargs"] == {"enable_thinking": False}
    assert "chat_template_kwargs" not in content("qwen3-vl")[0]


def test_a_request_without_a_form_asks_for_none() -> None:
    body = json.loads(request_body(prompt(), views(), ThinkingOptions(), None))
    assert "structured_outputs" not in body


def test_a_model_that_judges_is_given_no_verdict() -> None:
    asked = build("person", None, None, judge=True)
    assert "<answer>" in asked.user
    assert "Ground truth" not in asked.user
    assert "judge" in asked.version.split("/")
    with pytest.raises(ValueError, match="no verdict"):
        build("person", None, verdict(), judge=True)
