"""A real Prometheus scrapes a real, loaded gateway: every rule is recorded and every panel has data."""

import hashlib
import itertools
import json
import math
import os
import subprocess
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import pytest
from conftest import SAMPLES, encode, free_port
from monitoring_support import MONITORING, RULES, VLLM, queries, variables
from release_support import tiny_release
from service_support import Running, service
from thinking_support import Behaviour, complete, status, turns, upstream

pytestmark = [pytest.mark.monitoring, pytest.mark.timeout(300)]

KEY = "idiff_test"
RANGE = "2m"
GRAFANA = {
    "$__rate_interval": RANGE,
    "$__range": RANGE,
    "$job": "gateway",
    "$vllm": "vllm",
    "$feature": "crop.laplacian",
}
"""What Grafana would put in place of its variables."""
WITHIN_S = 60


@contextmanager
def vllm_metrics() -> Iterator[int]:
    """The port of a server that shows what a real vLLM showed, before its load once and then after it."""
    shown = itertools.chain(VLLM[:1], itertools.repeat(VLLM[1]))

    class Metrics(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.send_header("Content-Type", "text/plain; version=0.0.4")
            self.end_headers()
            self.wfile.write(next(shown).read_bytes())

        def log_message(self, *_: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Metrics) as server:
        threading.Thread(target=server.serve_forever).start()
        try:
            yield server.server_address[1]
        finally:
            server.shutdown()


class Prometheus:
    """Its HTTP API."""

    def __init__(self, http: httpx.Client) -> None:
        self._http = http

    def get(self, path: str, **parameters: str) -> Any:  # noqa: ANN401 - JSON
        answer = self._http.get(path, params=parameters)
        assert answer.status_code == 200, answer.text
        return answer.json()["data"]

    def has(self, expression: str) -> bool:
        """Whether an expression gives a number now."""
        for variable, value in GRAFANA.items():
            expression = expression.replace(variable, value)
        found = self.get("query", query=expression)["result"]
        return any(math.isfinite(float(sample["value"][1])) for sample in found)


@contextmanager
def prometheus(folder: Path, **ports: int) -> Iterator[Prometheus]:
    """A Prometheus with our configuration and rules, every second, that finds the services on these ports."""
    config, rules = ((MONITORING / name).read_text() for name in ("prometheus.yaml", "rules.yaml"))
    for name, port in ports.items():
        address = next(word for word in config.split('"') if word.startswith(f"{name}:"))
        config = config.replace(address, f"127.0.0.1:{port}")
    (folder / "prometheus.yaml").write_text(config.replace("15s", "1s"))
    (folder / "rules.yaml").write_text(
        rules.replace("interval: 1m", "interval: 1s").replace("interval: 5m", "interval: 1s")
    )
    port = free_port()
    command = [
        Path(os.environ["IDIFF_PROMETHEUS"]) / "bin" / "prometheus",
        f"--config.file={folder / 'prometheus.yaml'}",
        f"--storage.tsdb.path={folder / 'data'}",
        f"--web.listen-address=127.0.0.1:{port}",
    ]
    with (folder / "log").open("wb") as log, subprocess.Popen(command, stderr=log) as process:
        try:
            end = time.monotonic() + 30
            while not _ready(port):
                assert process.poll() is None, (folder / "log").read_text()
                assert time.monotonic() < end
                time.sleep(0.1)
            with httpx.Client(base_url=f"http://127.0.0.1:{port}/api/v1/", trust_env=False) as http:
                yield Prometheus(http)
        finally:
            process.kill()


def _ready(port: int) -> bool:
    try:
        return httpx.get(f"http://127.0.0.1:{port}/-/ready", trust_env=False).status_code == 200
    except httpx.TransportError:
        return False


def moody() -> Behaviour:
    """A Thinking Model that writes, writes nonsense and then what it should, is full, and so on."""
    rounds = (complete(), complete("no form at all"), complete(), status(503))
    return turns(*rounds * 100)


def load(running: Running, tone: int) -> None:
    """Comparisons of every kind, a ranking, and requests that are refused or fail."""
    with httpx.Client(base_url=running.url, headers={"X-API-Key": KEY}, timeout=60, trust_env=False) as client:
        photo = encode(np.full((64, 64, 3), tone, np.uint8))
        sample = {f"image_{side}": (SAMPLES / f"astronaut_{side}.jpg").read_bytes() for side in "ab"}
        pair = {"image_a": sample["image_a"], "image_b": photo}
        for category in ("auto", "scene", "person", "scene"):
            answer = client.post("/compare", files=sample, data={"category": category, "attributes": "true"})
            assert answer.status_code == 200, answer.text
        measured = [client.post("/compare", files=pair, data={"rationale": "measured"}) for _ in range(2)]
        assert [answer.status_code for answer in measured] == [200, 200]
        burst = [("photos", data) for data in (*sample.values(), photo)]
        assert client.post("/rank", files=burst).status_code == 200
        late = client.post("/compare", files=sample, headers={"X-Request-Timeout-Ms": "1"})
        large = client.post("/compare", files={"image_a": bytes(3_000_000)})
        broken = client.post("/compare", files={"image_a": b"\xff\xd8\xff", "image_b": photo})
        stranger = client.post("/compare", files=sample, headers={"X-API-Key": "unknown"})
        assert [answer.status_code for answer in (late, large, broken, stranger)] == [504, 413, 422, 401]


@pytest.fixture(scope="module")
def scraped(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Prometheus]:
    """A Prometheus that has scraped a gateway with everything switched on, under some load."""
    if "IDIFF_PROMETHEUS" not in os.environ:
        pytest.skip("no Prometheus: make test-monitoring installs one")
    folder = tmp_path_factory.mktemp("monitoring")
    keys = folder / "keys.toml"
    keys.write_text(f'[keys.tests]\nsha256 = "{hashlib.sha256(KEY.encode()).hexdigest()}"\n')
    shadow, nobody = tiny_release(folder / "shadow"), free_port()
    with upstream(moody(), complete(json.dumps({}))) as url, vllm_metrics() as vllm:
        settings = {"thinking_url": url, "lines_min": 1, "iqa_url": f"http://127.0.0.1:{nobody}", "api_keys": keys}
        settings |= {"cache_bytes": 2**20, "max_body_bytes": 2**21, "shadow_release": shadow, "shadow_share": 1}
        with service(**settings) as running:
            port = int(running.url.rsplit(":", 1)[1])
            with prometheus(folder, gateway=port, vllm=vllm, iqa=nobody) as asked:
                assert httpx.post(running.admin, json={"folder": None}, timeout=30).status_code == 200
                for tone in (40, 90, 140):
                    load(running, tone)
                    time.sleep(1.1)  # a scrape
                yield asked


def wait(prometheus: Prometheus, asked: dict[str, str]) -> dict[str, str]:
    """Those of the expressions that give no number in time."""
    end = time.monotonic() + WITHIN_S
    while (missing := {name: one for name, one in asked.items() if not prometheus.has(one)}) and time.monotonic() < end:
        time.sleep(0.5)
    return missing


def test_every_rule_is_recorded(scraped: Prometheus) -> None:
    assert wait(scraped, {rule["record"]: rule["record"] for rule in RULES if "record" in rule}) == {}
    groups = scraped.get("rules")["groups"]
    assert {(rule["name"], rule["health"]) for group in groups for rule in group["rules"]} == {
        (rule.get("record") or rule["alert"], "ok") for rule in RULES
    }


def test_every_panel_has_data(scraped: Prometheus) -> None:
    asked = {f"{title}: {expression}": expression for title, expression in queries()}
    assert len(asked) > 60
    assert wait(scraped, asked) == {}


def test_every_variable_can_be_chosen(scraped: Prometheus) -> None:
    for selector, label in variables():
        for variable, value in GRAFANA.items():
            selector = selector.replace(variable, value)
        assert all(label in series for series in scraped.get("series", **{"match[]": selector}))
        assert scraped.has(selector)


def test_what_does_not_exist_has_no_data(scraped: Prometheus) -> None:
    """So that the tests above can fail."""
    assert not scraped.has("idiff_no_such_metric")
    assert not scraped.has('0 / sum(rate(idiff_requests_total{code="599"}[2m]))')
    assert not scraped.has("0 * sum(idiff_ready) / 0")
