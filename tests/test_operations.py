"""Probes, metrics, info, OpenAPI: what an operator and an integrator see."""

import shutil
import time
from pathlib import Path

import httpx
import numpy as np
import onnxruntime
import pytest
from conftest import Post, encode
from fastapi.testclient import TestClient
from prometheus_client.parser import text_string_to_metric_families

from idiff.answer.session import PROVIDERS
from idiff.app import create_app
from idiff.config import Provider, Settings
from idiff.ranking.schemas import Ranking
from idiff.schemas import Comparison


def counted(client: TestClient) -> dict[str, float]:
    """Every sample that the service shows, by name and labels as they are written."""
    lines = client.get("/metrics").text.splitlines()
    return {name: float(value) for name, value in (line.rsplit(" ", 1) for line in lines if not line.startswith("#"))}


def test_probes(client: TestClient) -> None:
    assert client.get("/livez").json() == {"status": "live"}
    assert client.get("/readyz").json() == {"status": "ready"}


def test_info(client: TestClient) -> None:
    info = client.get("/info").json()
    assert len(info["release"]["members"]) == 10
    assert info["providers"] == ["CPUExecutionProvider"]
    assert info["thinking"] is None
    assert info["limits"]["max_pixels"] == Settings().max_pixels


def test_metrics(client: TestClient, post: Post) -> None:
    flat = encode(np.full((64, 64, 3), 90, np.uint8))
    post({"image_a": flat, "image_b": flat})
    families = {family.name: family for family in text_string_to_metric_families(client.get("/metrics").text)}
    counted = {
        sample.labels["route"]: sample.value
        for sample in families["idiff_requests"].samples
        if sample.name == "idiff_requests_total" and sample.labels["code"] == "200"
    }
    assert counted["/compare"] >= 1
    stages = {sample.labels["stage"] for sample in families["idiff_stage_seconds"].samples}
    assert {"decode", "views", "route", "align", "answer", "features", "rationale"} <= stages
    assert families["idiff_ready"].samples[0].value == 1
    provider = {"required": "CPUExecutionProvider", "running": "CPUExecutionProvider"}
    assert families["idiff_provider_info"].samples[0].labels == provider
    assert families["idiff_provider_refused"].samples[0].value == 0
    resident, limit = (
        families[name].samples[0].value for name in ("process_resident_memory_bytes", "idiff_memory_limit_bytes")
    )
    assert 0 < resident < limit


def test_a_verdict_is_timed_and_its_votes_are_counted(client: TestClient, post: Post, files: dict[str, bytes]) -> None:
    before = counted(client)
    answer = post(files, rationale="none")
    grown = {name: value - before.get(name, 0) for name, value in counted(client).items()}
    assert grown["idiff_verdict_seconds_count"] == 1
    assert grown["idiff_verdict_seconds_sum"] <= answer["timings_ms"]["total"] / 1000
    verdict = answer["verdict"]
    for vote in verdict["votes"]:
        outcome = "agrees" if vote["preferred"] == verdict["preferred"] else "disagrees"
        assert grown[f'idiff_member_votes_total{{member="{vote["member"]}",outcome="{outcome}"}}'] == 1
    assert sum(value for name, value in grown.items() if name.startswith("idiff_member_votes_total")) == 5


def test_openapi_names_every_error_and_unit(client: TestClient) -> None:
    document = client.get("/openapi.json").json()
    post = document["paths"]["/compare"]["post"]
    assert {"200", "400", "413", "415", "422", "503"} <= set(post["responses"])
    examples = post["responses"]["415"]["content"]["application/json"]["examples"]
    assert {"unsupported_image", "raw_unsupported"} <= set(examples)
    fields = post["requestBody"]["content"]["multipart/form-data"]["schema"]["properties"]
    assert {"image_a", "crop_b", "merged_global", "category", "rationale"} <= set(fields)
    statistics = document["components"]["schemas"]["Statistics"]["properties"]
    assert all(statistic["description"] for statistic in statistics.values())
    undescribed = [
        (name, field)
        for name in (
            "Verdict",
            "Vote",
            "Line",
            "Rationale",
            "Statistics",
            "Box",
            "Size",
            "Views",
            "Warning",
            "Provenance",
        )
        for field, schema in document["components"]["schemas"][name]["properties"].items()
        if "$ref" not in schema and not schema.get("description")
    ]
    assert undescribed == []
    example = post["responses"]["200"]["content"]["application/json"]["example"]
    assert Comparison.model_validate(example).model_dump(mode="json") == example
    assert client.get("/docs").status_code == 200


def test_openapi_describes_a_ranking(client: TestClient) -> None:
    document = client.get("/openapi.json").json()
    post = document["paths"]["/rank"]["post"]
    photos = post["requestBody"]["content"]["multipart/form-data"]["schema"]["properties"]["photos"]
    assert (photos["minItems"], photos["maxItems"]) == (2, client.get("/info").json()["limits"]["max_photos"])
    assert "too_many_photos" in post["responses"]["422"]["content"]["application/json"]["examples"]
    example = post["responses"]["200"]["content"]["application/json"]["example"]
    assert Ranking.model_validate(example).model_dump(mode="json") == example
    undescribed = [
        (name, field)
        for name in ("Ranking", "RankedPhoto", "Circle", "Reason")
        for field, schema in document["components"]["schemas"][name]["properties"].items()
        if "$ref" not in schema and not schema.get("description") and field not in ("api_version", "warnings")
    ]
    assert undescribed == []


def failure(client: TestClient) -> httpx.Response:
    """The readiness probe's answer once loading has ended."""
    deadline = time.monotonic() + 30
    while "loading" in (answer := client.get("/readyz")).text and time.monotonic() < deadline:
        time.sleep(0.02)
    return answer


@pytest.mark.parametrize("damage", ["missing", "altered", "manifest", "preprocessing"])
def test_bad_release_is_never_ready(tmp_path: Path, damage: str) -> None:
    folder = tmp_path / "release"
    shutil.copytree(Settings().release_folder, folder)
    graph = next(folder.glob("*.encoder.onnx"))
    manifest = folder / "manifest.json"
    if damage == "missing":
        graph.unlink()
    elif damage == "altered":
        graph.write_bytes(graph.read_bytes()[:-1] + b"\0")
    elif damage == "manifest":
        manifest.write_text("{}")
    else:
        text = manifest.read_text()
        manifest.write_text(text.replace('"preprocessing": "1"', '"preprocessing": "0"'))
        assert manifest.read_text() != text
    with TestClient(create_app(Settings(release=folder)), raise_server_exceptions=False) as client:
        answer = failure(client)
        assert answer.status_code == 503
        assert answer.json()["error"]["code"] == "not_ready"
        assert str(folder) in answer.json()["error"]["message"]
        assert client.get("/livez").status_code == 200
        refused = client.post("/compare", files={"image_a": b"x", "image_b": b"x"})
        assert refused.status_code == 503
        assert refused.headers["Retry-After"]


@pytest.mark.parametrize("provider", sorted(PROVIDERS.keys() - {"cpu"}))
def test_another_provider_is_never_fallen_back_to(caplog: pytest.LogCaptureFixture, provider: Provider) -> None:
    wanted = PROVIDERS[provider]
    if wanted in onnxruntime.get_available_providers():
        pytest.skip(f"{wanted} is here")
    with TestClient(create_app(Settings(provider=provider)), raise_server_exceptions=False) as client:
        answer, metrics = failure(client), client.get("/metrics").text
    assert answer.status_code == 503
    assert "idiff_provider_refused 1.0" in metrics
    assert wanted in answer.json()["error"]["message"]
    assert wanted in caplog.text
