"""API keys: who may ask, how often and how many at once."""

import asyncio
import subprocess
import sys
import time
import tomllib
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import httpx
import pytest
from conftest import running, serve
from hypothesis import given
from hypothesis import strategies as st
from thinking_support import hangs, thinking, upstream
from typer.testing import CliRunner

from idiff.app import create_app
from idiff.cli import app
from idiff.config import Settings
from idiff.errors import RateLimited
from idiff.keys import Entry, Key, Keys, KeysRefused

Files = dict[str, bytes]
OTHER = "f" * 64


def made(name: str) -> tuple[str, str]:
    """A new key and its entry, by the command."""
    done = CliRunner().invoke(app, ["key", name])
    assert done.exit_code == 0
    return done.stderr.strip(), done.stdout


@pytest.fixture
def keyed(tmp_path: Path) -> tuple[str, Path]:
    """A key, and a file with it and another one."""
    secret, entry = made("pipeline")
    file = tmp_path / "keys.toml"
    file.write_text(f'{entry}\nper_second = 0.05\n[keys.other]\nsha256 = "{OTHER}"\n')
    return secret, file


def test_only_the_hash_is_kept(keyed: tuple[str, Path]) -> None:
    secret, file = keyed
    assert secret not in file.read_text()
    assert tomllib.loads(file.read_text())["keys"]["pipeline"]["per_second"] == 0.05
    assert made("pipeline")[0] != secret


def test_without_a_key_nothing_is_judged_and_one_is_known_by_name(keyed: tuple[str, Path], files: Files) -> None:
    secret, file = keyed
    with serve(Settings(api_keys=file)) as client:
        for headers in ({}, {"X-API-Key": "idiff_guess"}, {"Authorization": f"Basic {secret}"}, {"X-API-Key": OTHER}):
            answer = client.post("/compare", files=files, headers=headers)
            assert (answer.status_code, answer.json()["error"]["code"]) == (401, "unauthorized")
            assert answer.headers["WWW-Authenticate"] == "Bearer"
        assert client.post("/compare", files=files, headers={"Authorization": f"Bearer {secret}"}).status_code == 200
        limited = client.post("/compare", files=files, headers={"X-API-Key": secret})
        assert (limited.status_code, limited.json()["error"]["code"]) == (429, "rate_limited")
        assert 1 <= int(limited.headers["Retry-After"]) <= 20
        counted = client.get("/metrics").text
        assert client.get("/readyz").status_code == 200
    assert 'idiff_key_requests_total{code="200",key="pipeline"} 1.0' in counted
    assert 'idiff_key_requests_total{code="429",key="pipeline"} 1.0' in counted
    assert secret not in counted


def test_a_key_has_so_many_requests_at_once(tmp_path: Path, files: Files) -> None:
    secret, entry = made("one")
    (tmp_path / "keys.toml").write_text(f"{entry}\nat_once = 1\n")

    async def burst(url: str) -> list[int]:
        async with httpx.AsyncClient(headers={"X-API-Key": secret}, timeout=60) as client:
            while (await client.get(f"{url}/readyz")).status_code != 200:
                await asyncio.sleep(0.02)
            answers = await asyncio.gather(*(client.post(f"{url}/compare", files=files) for _ in range(4)))
            again = await client.post(f"{url}/compare", files=files)
        assert {answer.json()["error"]["code"] for answer in answers if answer.status_code == 429} == {"key_busy"}
        return [*sorted(answer.status_code for answer in answers), again.status_code]

    with running(create_app(Settings(api_keys=tmp_path / "keys.toml"))) as (host, port):
        codes = asyncio.run(burst(f"http://{host}:{port}"))
    assert codes[0] == codes[-1] == 200
    assert 429 in codes


@pytest.mark.parametrize("accept", ["application/json", "text/event-stream"])
def test_a_key_is_busy_until_its_rationale_is_done(tmp_path: Path, files: Files, accept: str) -> None:
    secret, entry = made("one")
    (tmp_path / "keys.toml").write_text(f"{entry}\nat_once = 1\n")
    headers, asked = {"X-API-Key": secret, "Accept": accept}, []
    with (
        upstream(hangs, requests=asked) as url,
        thinking(url, api_keys=tmp_path / "keys.toml") as client,
        ThreadPoolExecutor(1) as caller,
    ):
        first = caller.submit(client.post, "/compare", files=files, headers=headers)
        while not asked:  # the verdict is there, and the model is asked
            time.sleep(0.01)
        assert client.post("/compare", files=files, headers=headers).json()["error"]["code"] == "key_busy"
        assert first.result().status_code == 200
        assert client.post("/compare", files=files, headers=headers).status_code == 200


@given(rate=st.floats(0.1, 50), steps=st.lists(st.floats(0, 3), min_size=1, max_size=60))
def test_no_key_asks_more_often_than_it_may(rate: float, steps: list[float]) -> None:
    now = 0.0
    key = Key("k", Entry(sha256=OTHER, per_second=rate), clock=lambda: now)
    allowed, waits = 0, []
    for step in steps:
        now += step
        try:
            with key.admitted():
                allowed += 1
        except RateLimited as error:
            waits.append(error.retry_after_s)
    assert all(0 < wait <= 1 / rate for wait in waits)
    assert allowed <= max(1, rate) + rate * now + 1e-6


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "keys"),
        ("[keys]", "keys"),
        ('[keys.a]\nsha256 = "x"', "keys.a.sha256"),
        (f'[keys."a b"]\nsha256 = "{OTHER}"', "keys.a b"),
        (f'[keys.a]\nsha256 = "{OTHER}"\nat_once = 0', "keys.a.at_once"),
        (f'[keys.a]\nsha256 = "{OTHER}"\nsecret = "x"', "keys.a.secret"),
        ("=", "keys.toml"),
    ],
)
def test_a_file_that_cannot_be_used_is_refused_by_entry(tmp_path: Path, text: str, said: str) -> None:
    (tmp_path / "keys.toml").write_text(text)
    with pytest.raises(KeysRefused, match=said):
        Keys.read(tmp_path / "keys.toml")


def test_nobody_serves_the_world_by_accident(tmp_path: Path) -> None:
    line = [sys.executable, "-m", "idiff", "serve", "--host", "0.0.0.0", "--port", "8123"]
    done = subprocess.run(line, capture_output=True, text=True, timeout=60)
    assert done.returncode == 2
    assert "IDIFF_ALLOW_ANONYMOUS" in done.stderr
    for settings in (
        Settings(),
        Settings(host="::1"),
        Settings(host="localhost"),
        Settings(host="0.0.0.0", allow_anonymous=True),
        Settings(host="0.0.0.0", api_keys=tmp_path),
    ):
        assert not settings.exposed
    assert Settings(host="::").exposed
    assert Settings(host="idiff.example").exposed


def test_a_client_shows_its_key(keyed: tuple[str, Path], pair: tuple[bytes, bytes], tmp_path: Path) -> None:
    secret, file = keyed
    paths = [tmp_path / name for name in ("a.jpg", "b.jpg")]
    for path, data in zip(paths, pair, strict=True):
        path.write_bytes(data)
    with running(create_app(Settings(api_keys=file))) as (host, port):
        url = f"http://{host}:{port}"
        while httpx.get(f"{url}/readyz").status_code != 200:
            time.sleep(0.02)
        line = ["compare", *map(str, paths), "--url", url, "--rationale", "none"]
        assert "unauthorized" in CliRunner().invoke(app, line).stderr
        done = CliRunner().invoke(app, line, env={"IDIFF_API_KEY": secret})
    assert done.exit_code == 0, done.output
