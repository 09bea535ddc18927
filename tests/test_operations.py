"""Probes, metrics, info, OpenAPI: what an operator and an integrator see."""

import shutil
import time
from pathlib import Path

import httpx
import numpy as np
import pytest
from conftest import Post, encode
from fastapi.testclient import TestClient
from prometheus_client.parser import text_string_to_metric_families

from idiff.app import create_app
from idiff.config import Settings
from idiff.schemas import Comparison


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


def test_another_provider_is_never_fallen_back_to(caplog: pytest.LogCaptureFixture) -> None:
    with TestClient(create_app(Settings(provider="cuda")), raise_server_exceptions=False) as client:
        answer = failure(client)
    assert answer.status_code == 503
    assert "CUDAExecutionProvider" in answer.json()["error"]["message"]
    assert "CUDAExecutionProvider" in caplog.text
