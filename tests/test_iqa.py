"""The IQA service: SAMA's sampling, what it takes and refuses, and the gateway that asks it and does without it."""

import asyncio
import json
import logging
import re
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import httpx
import numpy as np
import pytest
import torch
from conftest import encode, pixels, running, serve
from fastapi import FastAPI
from fastapi.responses import Response
from fastapi.testclient import TestClient
from iqa_support import iqa, sama_weights
from safetensors.numpy import save
from thinking_support import FEATURES, RATIONALE, STREAM, complete, events, mirrored, upstream, verdict, views
from typer.testing import CliRunner

from idiff.config import Settings
from idiff.iqa import client as iqa_client
from idiff.iqa.client import IqaClient
from idiff.iqa.wire import MOST_BYTES, Answer, Info, Missing, pack
from idiff.thinking.prompt import build
from idiff.types import Learned, LearnedScore, ViewScores
from idiff_iqa.app import create_app
from idiff_iqa.config import Settings as IqaSettings
from idiff_iqa.metrics import LICENCES
from idiff_iqa.sama import sample
from idiff_iqa.scorer import Scorer
from idiff_models.thinking.cli import app as thinking

Files = dict[str, bytes]


@pytest.fixture(scope="module")
def url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with iqa(sama_weights(tmp_path_factory.mktemp("weights"))) as ready:
        yield ready


def post(url: str, body: bytes) -> httpx.Response:
    return httpx.post(f"{url}/score", content=body, timeout=30)


def test_sampling_takes_every_second_window_at_full_size() -> None:
    picture = torch.rand(1, 3, 512, 1024)
    sampled = sample(picture)
    assert sampled.shape == (1, 3, 256, 256)
    # Cells are 64 x 128 px of the picture; the windows of 32 x 32 px are cut from their middles.
    assert torch.equal(sampled[..., :32, :32], picture[..., 16:48, 48:80])
    assert torch.equal(sampled[..., 32:64, 32:64], picture[..., 80:112, 176:208])
    assert not torch.equal(sampled[..., :32, 32:64], picture[..., 16:48, 176:208])


def test_sampling_of_a_small_picture_enlarges_it_and_a_flat_one_stays_flat() -> None:
    assert sample(torch.full((2, 3, 64, 200), 0.25)).unique().tolist() == [0.25]
    square = torch.rand(1, 3, 256, 256)
    assert torch.equal(sample(square), square)


def test_what_is_served_is_said_with_its_licence_and_what_is_absent_with_the_reason(url: str) -> None:
    info = httpx.get(f"{url}/info").json()
    assert set(info["metrics"]) == {"sama"}
    assert info["metrics"]["sama"]["licence"] == LICENCES["sama"]
    assert {name: one["licence"] for name, one in info["absent"].items()} == {
        name: licence for name, licence in LICENCES.items() if name != "sama"
    }
    assert "Noncommercial" in info["absent"]["liqe"]["licence"]
    assert "liqe_koniq.pt" in info["absent"]["liqe"]["reason"]
    assert "not asked for" in info["absent"]["qalign"]["reason"]
    assert 'idiff_iqa_metric_loaded{metric="liqe"} 0.0' in httpx.get(f"{url}/metrics").text


def test_a_caller_in_a_hurry_does_not_wait_for_a_worker() -> None:
    async def scenario() -> None:
        client = IqaClient("http://127.0.0.1:9", 30.0, pool, outcomes.append)
        async with asyncio.timeout(10):
            assert (await client.score(views(), within_s=0.1)).reason == "timeout"
        assert client.breaker.state == "closed"
        await client.aclose()

    outcomes: list[str] = []
    gate = threading.Event()
    with ThreadPoolExecutor(1) as pool:
        pool.submit(gate.wait, 60)
        asyncio.run(scenario())
        gate.set()
    assert outcomes == ["timeout"]


def test_every_licence_is_logged_at_start(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.INFO, "idiff_iqa"), iqa(sama_weights(tmp_path)):
        pass
    said = [record.getMessage() for record in caplog.records if record.name.startswith("idiff_iqa")]
    stated = [f"{name}: licence: {licence}" for name, licence in LICENCES.items()]
    assert said[: len(stated)] == stated, "before anything is loaded"
    assert "qalign: licence: pyiqa: PolyForm Noncommercial 1.0.0; weights: see q-future/one-align" in stated
    assert any(line.startswith("liqe is absent: no ") for line in said)
    assert any(line.startswith("sama is served; ") for line in said)


def test_what_is_still_loading_says_so_and_its_licence(tmp_path: Path) -> None:
    info = Scorer(IqaSettings(metrics="liqe,mine", weights=tmp_path)).info()
    assert info.absent["liqe"] == Missing(licence=LICENCES["liqe"], reason="it is loading")
    assert info.absent["mine"].licence is None
    assert info.licences == LICENCES


def test_a_service_without_any_metric_is_not_ready(tmp_path: Path) -> None:
    with running(create_app(IqaSettings(metrics="sama,nonsense", weights=tmp_path))) as (host, port):
        bare = f"http://{host}:{port}"
        deadline = time.monotonic() + 30
        while not httpx.get(f"{bare}/info").json()["loaded"]:
            assert time.monotonic() < deadline
            time.sleep(0.02)
        answer = httpx.get(f"{bare}/readyz")
        assert answer.status_code == 503
        assert httpx.get(f"{bare}/livez").status_code == 200
        assert post(bare, pack(views())).json()["error"]["code"] == "not_ready"
        assert "unknown" in httpx.get(f"{bare}/info").json()["absent"]["nonsense"]["reason"]


def test_a_view_scores_the_same_alone_and_beside_others(url: str) -> None:
    draw = np.random.default_rng(0)
    pictures = {f"v{i}": draw.integers(0, 256, (300 + 40 * (i % 2), 280, 3), np.uint8) for i in range(3)}
    together = Answer.model_validate_json(post(url, save(pictures)).content).scored[0].scores
    assert len(set(together.values())) == 3
    for name, picture in pictures.items():
        alone = Answer.model_validate_json(post(url, save({name: picture})).content).scored[0].scores
        assert alone[name] == pytest.approx(together[name], rel=1e-4)


@pytest.mark.parametrize(
    ("body", "said"),
    [
        pytest.param(b"", "safetensors", id="nothing"),
        pytest.param(b"\xff" * 64, "safetensors", id="noise"),
        pytest.param(save({}), "0 views", id="none"),
        pytest.param(save({f"v{i}": np.zeros((1, 1, 3), np.uint8) for i in range(17)}), "17 views", id="many"),
        pytest.param(save({"v": np.zeros((8, 8), np.uint8)}), "v: uint8 (8, 8)", id="grey"),
        pytest.param(save({"v": np.zeros((8, 8, 3), np.float32)}), "v: float32", id="float"),
        pytest.param(save({"v": np.zeros((1, 5000, 3), np.uint8)}), "4096", id="wide"),
        pytest.param(save({"v": np.zeros((0, 8, 3), np.uint8)}), "v: ", id="empty"),
    ],
)
def test_bodies_that_are_no_views_are_refused(url: str, body: bytes, said: str) -> None:
    answer = post(url, body)
    assert answer.status_code == 422
    assert said in answer.text


def test_a_picture_too_long_to_be_sampled_is_not_judged_and_counted(url: str) -> None:
    long = np.zeros((20, 4000, 3), np.uint8)
    answer = Answer.model_validate_json(post(url, save({"v": long})).content)
    assert answer.scored[0].scores == {"v": None}
    assert "idiff_iqa_unjudged_views_total" in httpx.get(f"{url}/metrics").text


def test_a_full_service_says_so_before_it_reads_and_work_for_nobody_is_dropped(tmp_path: Path) -> None:
    with iqa(sama_weights(tmp_path), max_waiting=0) as url, ThreadPoolExecutor(4) as callers:
        body = save({f"v{i}": np.full((512, 512, 3), i, np.uint8) for i in range(4)})
        codes = [answer.status_code for answer in callers.map(lambda _: post(url, body), range(4))]
        late = httpx.post(f"{url}/score", content=body, headers={"X-Request-Timeout-Ms": "1"}, timeout=30)
    assert set(codes) == {200, 503}
    assert late.status_code == 504


def test_a_body_that_is_too_large_is_refused(url: str) -> None:
    assert post(url, bytes(MOST_BYTES + 1)).status_code == 413


def test_the_gateway_tells_the_scores_and_swapping_swaps_them(url: str, files: Files) -> None:
    with serve(Settings(iqa_url=url, iqa_deadline_s=30)) as client:
        answer = client.post("/compare", files=files).json()
        swapped = client.post("/compare", files={"image_a": files["image_b"], "image_b": files["image_a"]}).json()
        known = client.get("/info").json()["iqa"]
        counted = client.get("/metrics").text
    (one,), (other,) = answer["features"]["learned"]["scores"], swapped["features"]["learned"]["scores"]
    assert answer["features"]["learned"]["reason"] is None
    assert one["metric"] == "sama"
    assert one["a"] == pytest.approx(other["b"], rel=1e-4)
    assert one["b"] == pytest.approx(other["a"], rel=1e-4)
    assert one["a"] != one["b"]
    assert "iqa" in answer["timings_ms"]
    assert known == {"circuit": "closed", "licences": LICENCES}
    assert one["licence"] == LICENCES["sama"]
    assert 'idiff_iqa_calls_total{outcome="ok"} 2.0' in counted


def licences(client: TestClient, wanted: dict[str, str]) -> None:
    """Waits until the gateway's /info has them."""
    deadline = time.monotonic() + 10
    while client.get("/info").json()["iqa"]["licences"] != wanted:
        assert time.monotonic() < deadline
        time.sleep(0.02)


def test_the_gateway_tells_the_licences_before_it_has_asked_for_a_score(url: str) -> None:
    with serve(Settings(iqa_url=url)) as client:
        licences(client, LICENCES)
        assert "idiff_iqa_calls_total{" not in client.get("/metrics").text


def test_an_iqa_service_that_comes_later_is_asked_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(iqa_client, "AGAIN_S", 0.05)
    app, asked = FastAPI(), []
    late = Info(service="1", device="cpu", loaded=True, metrics={}, absent={"m": Missing(licence="l", reason="r")})

    @app.get("/info")
    async def info() -> Response:
        asked.append(None)
        answers = {1: Response("{}", 503), 2: Response("no JSON"), 3: Response('{"metrics": 3}')}
        return answers.get(len(asked), Response(late.model_dump_json()))

    with running(app) as (host, port), serve(Settings(iqa_url=f"http://{host}:{port}")) as client:
        licences(client, {"m": "l"})
        time.sleep(0.2)
    assert len(asked) == 4, "it has answered"


def test_the_scores_reach_the_prompt_and_the_stream(url: str, files: Files) -> None:
    asked: list[dict[str, object]] = []
    settings = {"thinking_deadline_s": 5, "lines_min": 1, "thinking_check_s": 0}
    with (
        upstream(complete(), requests=asked) as model,
        serve(Settings(thinking_url=model, iqa_url=url, iqa_deadline_s=30, **settings)) as client,
    ):
        told = events(client, files)
    names = [name for name, _ in told]
    assert names[0] == "verdict"
    assert names[-2:] == ["learned", "done"]
    rationale = dict(told)["rationale"]
    assert rationale["source"] == "model"
    assert "/cv/iqa/answer/" in rationale["prompt_version"]
    assert "Crop view, learned: sama " in json.dumps(asked[0]["messages"])


def test_a_dataset_of_the_stage_tells_the_scores(url: str, tmp_path: Path, pair: tuple[bytes, bytes]) -> None:
    merged = np.concatenate([pixels(photo) for photo in pair], axis=1)
    (tmp_path / "p_001_merged_c0.jpg").write_bytes(encode(merged, "JPEG", quality=95))
    told = {"images": ["p_001_merged_c0.jpg"], "solution": f"<thinking>{RATIONALE}</thinking><answer>A</answer>"}
    (tmp_path / "told.jsonl").write_text(json.dumps(told))
    line = ["dataset", str(tmp_path / "told.jsonl"), "--out", str(tmp_path / "out"), "--stage", "iqa", "--iqa-url", url]
    done = CliRunner().invoke(thinking, line)
    assert done.exit_code == 0, done.output
    one, two = (json.loads(row) for row in (tmp_path / "out" / "sft.jsonl").read_text().splitlines())
    scores = [re.findall(r"sama ([-+]\d+\.\d+)", row["messages"][1]["content"]) for row in (one, two)]
    assert [-float(score) for score in scores[0]] == [float(score) for score in scores[1]]
    assert len(scores[0]) == 2
    assert "Ground truth" not in one["messages"][1]["content"]


def faulty(status: int = 200, body: str = "{}", wait_s: float = 0.0) -> FastAPI:
    app = FastAPI()

    @app.post("/score")
    async def score() -> Response:
        await asyncio.sleep(wait_s)
        return Response(body, status)

    return app


NOT_READY = '{"error": {"code": "not_ready", "message": "no metric is loaded"}}'


@pytest.mark.parametrize(
    ("app", "reason"),
    [
        (faulty(503), "busy"),
        (faulty(503, NOT_READY), "not_ready"),
        (faulty(500), "upstream_error"),
        (faulty(body='{"scored": 3}'), "malformed"),
        (faulty(wait_s=3), "timeout"),
    ],
)
def test_the_answer_goes_on_without_scores(app: FastAPI, reason: str, files: Files) -> None:
    with (
        running(app) as (host, port),
        serve(Settings(iqa_url=f"http://{host}:{port}", iqa_deadline_s=0.5)) as client,
    ):
        answer = client.post("/compare", files=files).json()
        counted = client.get("/metrics").text
    assert answer["verdict"]["preferred"] == "A"
    assert answer["rationale"]["source"] == "measured"
    assert answer["features"]["learned"] == {"scores": [], "reason": reason}
    assert "learned_missing" in [warning["code"] for warning in answer["warnings"]]
    assert answer["timings_ms"]["iqa"] < 2000
    assert f'idiff_iqa_calls_total{{outcome="{reason}"}} 1.0' in counted


def test_nothing_but_the_models_prompt_waits_for_scores(files: Files) -> None:
    with running(faulty(wait_s=5)) as (host, port):
        settings = Settings(iqa_url=f"http://{host}:{port}", iqa_deadline_s=2)
        with serve(settings) as client:
            times: dict[str, float] = {}
            with client.stream("POST", "/compare", files=files, headers=STREAM) as answer:
                start = time.monotonic()
                for line in answer.iter_lines():
                    if line.startswith("event: "):
                        times.setdefault(line[7:], time.monotonic() - start)
    assert list(times) == ["verdict", "rationale.delta", "rationale", "learned", "done"]
    assert times["rationale"] < 1.5 < times["learned"]


def test_a_view_that_could_not_be_judged_is_told_of(files: Files) -> None:
    views = '"global_a": 1, "crop_a": null, "global_b": 2, "crop_b": 3'
    body = f'{{"scored": [{{"metric": "m", "better": "more", "licence": "l", "version": "v", "scores": {{{views}}}}}]}}'
    with running(faulty(body=body)) as (host, port), serve(Settings(iqa_url=f"http://{host}:{port}")) as client:
        answer = client.post("/compare", files=files).json()
    assert answer["features"]["learned"]["scores"][0]["a"] == {"global_view": 1, "crop_view": None}
    told = [warning["message"] for warning in answer["warnings"] if warning["code"] == "learned_missing"]
    assert told == ["m could not judge every view"]


def test_a_service_that_keeps_failing_is_left_alone(files: Files) -> None:
    with serve(Settings(iqa_url="http://127.0.0.1:9")) as client:
        reasons = [
            client.post("/compare", files=files, data={"rationale": "none"}).json()["features"]["learned"]["reason"]
            for _ in range(6)
        ]
        counted = client.get("/metrics").text
    assert reasons == ["unreachable"] * 5 + ["circuit_open"]
    assert "idiff_iqa_circuit_open 1.0" in counted


def test_the_prompt_tells_scores_so_that_plus_speaks_for_left() -> None:
    more = LearnedScore("liqe", "more", "", "", ViewScores(3.5, 4.0), ViewScores(3.25, 4.5))
    less = LearnedScore("piqe", "less", "", "", ViewScores(30.0, None), ViewScores(40.0, 20.0))
    text = build("scene", FEATURES, verdict(), learned=Learned((more, less), None))
    assert text.version == "idiff-2/scene/cv/iqa/answer/4-7"
    assert "Crop view, learned: liqe -0.50.\nGlobal view, learned: liqe +0.25, piqe +10.00.\n" in text.user
    turned = [LearnedScore(one.metric, one.better, "", "", one.b, one.a) for one in (more, less)]
    mirror = build("scene", mirrored(FEATURES), verdict("B"), learned=Learned(tuple(turned), None))
    assert "Crop view, learned: liqe +0.50.\nGlobal view, learned: liqe -0.25, piqe -10.00.\n" in mirror.user
    blind = LearnedScore("liqe", "more", "", "", ViewScores(None, None), ViewScores(1.0, 1.0))
    for nothing in (Learned((), "timeout"), Learned((blind,), None)):
        assert build("scene", FEATURES, None, learned=nothing) == build("scene", FEATURES, None)
