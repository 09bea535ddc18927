"""pyiqa's metrics that need no weights, served from their own environment, through the gateway."""

import os
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from conftest import free_port, serve

from idiff.config import Settings

pytestmark = pytest.mark.iqa

START_S = 120


@pytest.fixture(scope="module")
def url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    venv = os.environ.get("IDIFF_IQA_VENV")
    if venv is None:
        pytest.skip("IDIFF_IQA_VENV names no environment (make test-iqa)")
    port = free_port()
    weights = tmp_path_factory.mktemp("weights")
    (weights / "clip").mkdir()
    for name in ("liqe_koniq.pt", "clip/ViT-B-32.pt"):
        (weights / name).write_bytes(b"of something else")
    hub = weights / "huggingface" / "models--q-future--one-align" / "refs"
    hub.mkdir(parents=True)
    (hub / "main").write_text("0" * 40)
    place = {"PORT": str(port), "METRICS": "piqe,entropy,liqe,qalign,sama", "WEIGHTS": str(weights)}
    process = subprocess.Popen(
        [Path(venv) / "bin" / "python", "-m", "idiff_iqa"],
        env=os.environ | {f"IDIFF_IQA_{name}": value for name, value in place.items()},
    )
    try:
        url, deadline = f"http://127.0.0.1:{port}", time.monotonic() + START_S
        while not _ready(url):
            assert process.poll() is None
            assert time.monotonic() < deadline
            time.sleep(0.2)
        yield url
    finally:
        process.terminate()
        process.wait(30)


def _ready(url: str) -> bool:
    try:
        return httpx.get(f"{url}/readyz").status_code == 200
    except httpx.TransportError:
        return False


def test_metrics_without_weights_are_served_and_the_others_absent(url: str) -> None:
    info = httpx.get(f"{url}/info").json()
    assert set(info["metrics"]) == {"piqe", "entropy"}
    assert set(info["absent"]) == {"liqe", "qalign", "sama"}
    # Nothing is fetched in place of files that are not what they should be.
    assert "SHA-256" in info["absent"]["liqe"]["reason"]
    assert "cached files" in info["absent"]["qalign"]["reason"]
    assert "Noncommercial" in info["absent"]["liqe"]["licence"]
    assert "Noncommercial" in info["metrics"]["piqe"]["licence"]


def test_the_gateway_tells_what_they_say(url: str, files: dict[str, bytes]) -> None:
    with serve(Settings(iqa_url=url, iqa_deadline_s=60)) as client:
        answer = client.post("/compare", files=files).json()
    learned = answer["features"]["learned"]
    assert learned["reason"] is None
    scores = {score["metric"]: score for score in learned["scores"]}
    assert set(scores) == {"piqe", "entropy"}
    assert scores["piqe"]["better"] == "less"
    assert scores["piqe"]["a"]["crop_view"] < scores["piqe"]["b"]["crop_view"]
    own = answer["features"]["a"]["crop_view"]["entropy"]
    assert scores["entropy"]["a"]["crop_view"] == pytest.approx(own, abs=0.2)
