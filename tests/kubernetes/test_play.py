"""The cpu overlay's gateway run for real, by podman, with the manifest's own user, rights, limits and end."""

import json
import os
import shutil
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import httpx
import pytest
import yaml
from conftest import SAMPLES, free_port
from manifests import copy, render, workloads

from idiff.keys import new

pytestmark = [pytest.mark.kubernetes, pytest.mark.slow, pytest.mark.timeout(600)]

IMAGE = "idiff/gateway-cpu:0.1.0"
NAME = "gateway-pod-0-gateway"
"""Podman's, of the first container of a Deployment's only pod."""
PHOTOS = {f"image_{side}": (SAMPLES / f"astronaut_{side}.jpg").read_bytes() for side in "ab"}

Podman = Callable[..., str]


@pytest.fixture(scope="module")
def podman(tmp_path_factory: pytest.TempPathFactory) -> Podman:
    """Runs podman; it must have the image, or IDIFF_GATEWAY_IMAGE name an archive of it."""
    if not shutil.which("podman"):
        pytest.skip("no podman (apt-get install podman netavark catatonit)")
    # Without these it asks for more files and processes than a restricted machine may grant; and crun, its default,
    # refuses machines that have both versions of cgroups.
    config = tmp_path_factory.mktemp("podman") / "containers.conf"
    runtime = 'runtime = "runc"' if shutil.which("runc") else ""
    ulimits = '["nofile=1024:1024", "nproc=4096:4096"]'
    config.write_text(f"[containers]\ndefault_ulimits = {ulimits}\n[engine]\n{runtime}\n")

    def run(*words: str | Path, check: bool = True) -> str:
        environment = os.environ | {"CONTAINERS_CONF": str(config)}
        done = subprocess.run(["podman", *words], capture_output=True, text=True, env=environment, check=False)
        assert done.returncode == 0 or not check, done.stderr
        return done.stdout

    if not run("image", "ls", "--quiet", IMAGE):
        archive = os.environ.get("IDIFF_GATEWAY_IMAGE")
        if not archive:
            pytest.skip(f"podman has no image {IMAGE}: build it, or set IDIFF_GATEWAY_IMAGE to an archive of it")
        run("load", "--input", archive)
    return run


@pytest.fixture
def gateway(podman: Podman, tmp_path: Path) -> Iterator[tuple[str, str]]:
    """The Deployment as rendered, ready: its address and an API key. Changed are three things only: a port of this
    machine leads to it, its secret is a folder, which podman 4 would write undecoded, and it has no namespace."""
    key, digest = new()
    tmp_path.chmod(0o755)
    (tmp_path / "keys.toml").write_text(f'[keys.test]\nsha256 = "{digest}"\n')
    deployment = copy(workloads(render("cpu"))["gateway"].resource)
    del deployment["metadata"]["namespace"]
    pod = deployment["spec"]["template"]["spec"]
    (volume,), (port,) = pod["volumes"], pod["containers"][0]["ports"]
    volume["hostPath"] = {"path": str(tmp_path), "type": "Directory"}
    del volume["secret"]
    port["hostPort"] = free_port()
    file = tmp_path / "gateway.yaml"
    file.write_text(yaml.safe_dump(deployment))
    podman("play", "kube", file)
    try:
        yield f"http://127.0.0.1:{port['hostPort']}", key
    finally:
        podman("play", "kube", "--down", file, check=False)


def ready(url: str) -> bool:
    try:
        return httpx.get(f"{url}/readyz", trust_env=False).status_code == 200
    except httpx.TransportError:
        return False


def test_the_gateway_runs_as_its_manifest_says(podman: Podman, gateway: tuple[str, str]) -> None:
    url, key = gateway
    container = workloads(render("cpu"))["gateway"].main
    probe = container["startupProbe"]
    start = time.monotonic()
    while not ready(url):
        assert time.monotonic() - start < probe["periodSeconds"] * probe["failureThreshold"], podman("logs", NAME)
        time.sleep(0.1)

    refused = httpx.post(f"{url}/compare", files=PHOTOS, trust_env=False)
    assert refused.status_code == 401
    headers = {"Authorization": f"Bearer {key}"}
    answer = httpx.post(f"{url}/compare", files=PHOTOS, headers=headers, timeout=60, trust_env=False)
    assert answer.status_code == 200, answer.text
    assert answer.json()["verdict"]["preferred"] == "A"
    assert answer.json()["rationale"]["source"] == "measured"

    told = podman("exec", NAME, "cat", "/proc/1/status")
    status = dict(line.split(":\t", 1) for line in told.splitlines() if ":\t" in line)
    assert set(status["Uid"].split()) == set(status["Gid"].split()) == {"10001"}
    assert {int(status[f"Cap{kind}"], 16) for kind in ("Eff", "Prm", "Bnd")} == {0}
    assert status["NoNewPrivs"] == "1"
    assert status["Seccomp"] == "2"
    for place in ("/", "/tmp", "/opt/idiff", "/etc/idiff"):
        assert podman("exec", NAME, "sh", "-c", f"touch {place}/x 2>/dev/null || echo refused").strip() == "refused"
    (seen,) = json.loads(podman("inspect", NAME))
    assert seen["HostConfig"]["Memory"] == 3 * 2**30
    assert seen["HostConfig"]["NanoCpus"] == 2e9
    assert "IDIFF_THREADS=2" in seen["Config"]["Env"]

    grace = workloads(render("cpu"))["gateway"].template["spec"]["terminationGracePeriodSeconds"]
    start = time.monotonic()
    podman("kill", "--signal", "TERM", NAME)
    time.sleep(1)
    assert httpx.get(f"{url}/readyz", trust_env=False).status_code == 503, "balancers are told"
    late = httpx.post(f"{url}/compare", files=PHOTOS, headers=headers, timeout=60, trust_env=False)
    assert late.status_code == 200, "whoever comes before they know is served"
    assert podman("wait", NAME).strip() == "0"
    assert 10 <= time.monotonic() - start < grace
