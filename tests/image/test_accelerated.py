"""The large images, of several GB, on a machine without a card: `ALL=1 make image-test`."""

import os
import time

import httpx
import pytest
from conftest import pixels
from engine import build, python, started
from safetensors.numpy import save

pytestmark = [
    pytest.mark.image,
    pytest.mark.timeout(3600),
    pytest.mark.skipif(not os.environ.get("ALL"), reason="10 GB of images: ALL=1"),
]

LOAD_CUDA = """
import ctypes, pathlib, onnxruntime
onnxruntime.preload_dlls()
libraries = pathlib.Path(onnxruntime.__file__).parent / "capi"
ctypes.CDLL(libraries / "libonnxruntime_providers_shared.so", mode=ctypes.RTLD_GLOBAL)
try:
    ctypes.CDLL(libraries / "libonnxruntime_providers_cuda.so")
except OSError as error:
    print(error)
"""


@pytest.fixture(scope="module")
def gateway() -> str:
    return build("gateway-gpu")


def test_of_cuda_only_the_driver_is_missing_and_it_has_no_torch(gateway: str) -> None:
    assert python(gateway, LOAD_CUDA).startswith("libcuda.so.1: cannot open shared object file")
    assert python(gateway, "from importlib.util import find_spec; print(find_spec('torch'))") == "None"


def test_without_a_card_the_gateway_is_not_ready_and_says_why(gateway: str) -> None:
    with started(gateway, "--tmpfs=/tmp", allow_anonymous="true") as container:
        deadline = time.monotonic() + 120
        while "is loading" in (reason := _unready(container.url)):
            assert time.monotonic() < deadline
            time.sleep(0.1)
        assert "CUDAExecutionProvider is required" in reason
        assert httpx.get(f"{container.url}/livez").status_code == 200


def _unready(url: str) -> str:
    """Why the service is not ready."""
    try:
        answer = httpx.get(f"{url}/readyz")
    except httpx.TransportError:
        return "it is loading"
    assert answer.status_code == 503
    reason: str = answer.json()["error"]["message"]
    return reason


def test_the_iqa_service_scores(pair: tuple[bytes, bytes]) -> None:
    with started(build("iqa"), "--tmpfs=/tmp", port=8002, iqa_metrics="piqe,entropy") as container:
        container.wait_ready()
        answer = httpx.post(f"{container.url}/score", content=save({"view": pixels(pair[0])}), timeout=60)
        assert answer.status_code == 200, answer.text
        scores = {one["metric"]: one["scores"]["view"] for one in answer.json()["scored"]}
    assert 0 < scores["entropy"] <= 8
    assert 0 <= scores["piqe"] <= 100
