"""The cache of answers: what counts as the same upload, how much is kept, and what is never kept."""

import numpy as np
from conftest import encode, serve
from fastapi.testclient import TestClient
from thinking_support import complete, events, hangs, thinking, upstream

from idiff.config import Settings

Files = dict[str, bytes]


def counted(client: TestClient, outcome: str) -> float:
    lines = client.get("/metrics").text.splitlines()
    found = [line for line in lines if line.startswith(f'idiff_cache_total{{outcome="{outcome}"}}')]
    return float(found[0].split()[-1]) if found else 0.0


def test_the_same_upload_gets_the_same_answer_and_another_one_its_own(files: Files) -> None:
    with serve(Settings(cache_bytes=10**6)) as client:
        first = client.post("/compare", files=files).json()
        assert not first["provenance"]["cached"]
        again = client.post("/compare", files=files).json()
        assert again["provenance"].pop("cached")
        first["provenance"].pop("cached")
        assert again == first
        assert (counted(client, "hit"), counted(client, "miss")) == (1, 1)
        swapped = {"image_a": files["image_b"], "image_b": files["image_a"]}
        for other, options in ((swapped, {}), (files, {"category": "scene"}), (files, {"rationale": "none"})):
            answer = client.post("/compare", files=other, data=options).json()
            assert not answer["provenance"]["cached"]
        assert answer["rationale"] is None


def test_an_answer_kept_can_be_streamed_and_one_streamed_is_kept(files: Files) -> None:
    with serve(Settings(cache_bytes=10**6)) as client:
        live = dict(events(client, files))
        kept = dict(events(client, files))
        assert counted(client, "hit") == 1
        assert live.keys() == kept.keys()
        assert kept["verdict"]["provenance"]["cached"]
        assert kept["rationale"] == live["rationale"]
        assert kept["verdict"]["rationale"] is None
        assert kept["done"]["id"] == live["done"]["id"]
        assert client.post("/compare", files=files).json()["rationale"] == live["rationale"]


def test_what_is_asked_for_least_goes_first(files: Files) -> None:
    with serve(Settings()) as client:
        size = len(client.post("/compare", files=files).content)
        assert counted(client, "miss") == 0  # off by default
    with serve(Settings(cache_bytes=int(2.5 * size))) as client:
        small = [encode(pixels) for pixels in np.random.default_rng(1).integers(0, 256, (3, 300, 400, 3), np.uint8)]

        def cached(name: int) -> bool:
            answer = client.post("/compare", files={"image_a": small[name], "image_b": files["image_b"]})
            return bool(answer.json()["provenance"]["cached"])

        assert not any(cached(name) for name in (0, 1))
        assert cached(0)
        assert not cached(2)  # pushes 1 out
        assert cached(0)
        assert not cached(1)


def test_an_answer_that_a_later_attempt_may_better_is_not_kept(files: Files) -> None:
    with upstream(hangs) as url, thinking(url, cache_bytes=10**6) as client:
        for _ in range(2):
            answer = client.post("/compare", files=files).json()
            assert answer["rationale"]["source"] == "measured"
            assert not answer["provenance"]["cached"]


def test_a_rationale_of_the_model_is_kept(files: Files) -> None:
    with upstream(complete()) as url, thinking(url, cache_bytes=10**6) as client:
        answers = [client.post("/compare", files=files).json() for _ in range(2)]
    assert [answer["provenance"]["cached"] for answer in answers] == [False, True]
    assert {answer["rationale"]["source"] for answer in answers} == {"model"}
