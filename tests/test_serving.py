"""A running service: another release, a shadow one, models that die, and an end in order."""

import shutil
import signal
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import nullcontext
from functools import partial
from pathlib import Path

import httpx
import numpy as np
import pytest
from conftest import encode, free_port
from release_support import behind_a_frontend, edit, edit_member, encoder, frontend, listed, tiny_release
from service_support import Running, service
from thinking_support import complete, hangs, hangs_midway, resets, upstream

Files = dict[str, bytes]


@pytest.fixture(scope="module")
def photos() -> Files:
    """A bright and a darker photo: tiny members prefer the bright one."""
    bright, dark = (encode(np.full((300, 400, 3), tone, np.uint8)) for tone in (180, 120))
    return {"image_a": bright, "image_b": dark}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tiny_release(tmp_path / "release")


def ask(running: Running, files: Files, category: str = "scene", rationale: str = "none") -> httpx.Response:
    options = {"rationale": rationale, "category": category}
    return httpx.post(f"{running.url}/compare", files=files, data=options, timeout=30)


def exchange(running: Running, folder: Path | None = None) -> httpx.Response:
    return httpx.post(running.admin, json={"folder": str(folder) if folder else None}, timeout=30)


class Traffic:
    """Callers who ask again and again while the block runs."""

    def __init__(self, running: Running, files: Files, rationale: str = "none", callers: int = 3) -> None:
        self.answers: list[httpx.Response | httpx.TransportError] = []
        self._ask = partial(ask, running, files, rationale=rationale)
        self._callers, self._ended = callers, threading.Event()

    def _go_on(self) -> None:
        while not self._ended.is_set():
            try:
                self.answers.append(self._ask())
            except httpx.TransportError as error:
                self.answers.append(error)
                return

    def __enter__(self) -> "Traffic":
        self._threads = [threading.Thread(target=self._go_on) for _ in range(self._callers)]
        for thread in self._threads:
            thread.start()
        while len(self.answers) < self._callers:
            time.sleep(0.01)
        return self

    def __exit__(self, *_: object) -> None:
        self._ended.set()
        for thread in self._threads:
            thread.join()

    @property
    def verdicts(self) -> list[httpx.Response]:
        return [answer for answer in self.answers if isinstance(answer, httpx.Response)]


def test_releases_are_exchanged_under_load_and_a_bad_one_changes_nothing(
    folder: Path, photos: Files, tmp_path: Path
) -> None:
    second = tmp_path / "second"
    shutil.copytree(folder, second)
    edit(second, version="tiny-2")
    broken = tmp_path / "broken"
    shutil.copytree(folder, broken)
    next(broken.glob("*.encoder.onnx")).write_bytes(b"no graph")
    with service(release=folder, max_in_flight=8) as running, Traffic(running, photos) as traffic:
        before = None
        for number in range(20):
            target, version = ((second, "tiny-2"), (folder, "tiny-1"))[number % 2]
            answer = exchange(running, target)
            assert answer.status_code == 200, answer.text
            told = answer.json()
            assert (told["release"], told["before"]) == (version, "tiny-1" if version == "tiny-2" else "tiny-2")
            if number == 3:
                before = running.files()
        refused = exchange(running, broken)
        assert (refused.status_code, refused.json()["error"]["code"]) == (409, "release_refused")
        assert httpx.get(running.admin).json()["release"] == "tiny-1"
        assert running.metric('idiff_release_exchanges_total{outcome="done"}') == 20
        assert running.metric('idiff_release_exchanges_total{outcome="refused"}') == 1
        assert 'version="tiny-1"' in httpx.get(f"{running.url}/metrics").text
        assert before is not None
        assert running.files() <= before + 4
    assert [answer.status_code for answer in traffic.verdicts] == [200] * len(traffic.answers)
    assert {answer.json()["provenance"]["release"] for answer in traffic.verdicts} == {"tiny-1", "tiny-2"}
    assert {answer.json()["verdict"]["preferred"] for answer in traffic.verdicts} == {"A"}


def test_sighup_loads_what_the_folder_holds_now(folder: Path, photos: Files) -> None:
    with service(release=folder) as running:
        edit(folder, version="tiny-2")
        running.process.send_signal(signal.SIGHUP)
        end = time.monotonic() + 20
        while ask(running, photos).json()["provenance"]["release"] != "tiny-2":
            assert time.monotonic() < end
            time.sleep(0.05)
        (folder / "manifest.json").write_text("{}")
        running.process.send_signal(signal.SIGHUP)
        while not running.metric('idiff_release_exchanges_total{outcome="refused"}'):
            assert time.monotonic() < end
            time.sleep(0.05)
        assert ask(running, photos).json()["provenance"]["release"] == "tiny-2"


def test_the_admin_port_is_for_this_machine(folder: Path) -> None:
    with service(release=folder) as running:
        assert httpx.get(running.admin, headers={"Host": "idiff.example"}).status_code == 400
        assert httpx.get(f"{running.url}/admin/release").status_code == 404
        for body, kind, field in ((b"{}", "text/plain", None), (b'{"folder": 3}', "application/json", "folder")):
            answer = httpx.post(running.admin, content=body, headers={"Content-Type": kind})
            assert answer.status_code == 422
            assert (answer.json()["error"]["code"], answer.json()["error"]["field"]) == ("invalid_option", field)


def test_sigterm_is_an_end_in_order(folder: Path, photos: Files) -> None:
    with service(release=folder, drain_delay_s=4) as running, Traffic(running, photos) as traffic:
        running.process.send_signal(signal.SIGTERM)
        time.sleep(0.2)
        assert httpx.get(f"{running.url}/readyz").json()["error"]["message"] == "the service is shutting down"
        assert httpx.get(f"{running.url}/livez").status_code == 200
        late = ask(running, photos)
        assert (late.status_code, late.headers["Connection"]) == (200, "close")
        assert running.process.wait(20) == 0
        ended = [answer for answer in traffic.answers if isinstance(answer, httpx.TransportError)]
    assert all(isinstance(error, httpx.ConnectError) for error in ended)  # nothing that was accepted was lost
    assert {answer.status_code for answer in traffic.verdicts} == {200}


@pytest.mark.parametrize("busy", [False, True])
def test_what_is_in_progress_is_finished_before_the_end(folder: Path, photos: Files, busy: bool) -> None:
    kind = {"Content-Type": "multipart/form-data; boundary=x"}

    def slowly() -> Iterator[bytes]:
        body = httpx.Request("POST", "http://x", files=photos, headers=kind).read()
        yield body[:100]
        running.process.send_signal(signal.SIGTERM)
        if busy:
            time.sleep(1)
            running.process.send_signal(signal.SIGCONT)
        time.sleep(1)
        yield body[100:]

    with service(release=folder) as running:
        if busy:  # so much so that it notices the caller and the signal at once, later
            running.process.send_signal(signal.SIGSTOP)
        answer = httpx.post(f"{running.url}/compare", content=slowly(), headers=kind, timeout=30)
        assert answer.status_code == 200
        assert running.process.wait(20) == 0


@pytest.mark.parametrize(("part", "told"), [("encoder", "person-0"), ("front end", "person-0")])
def test_a_session_that_dies_takes_the_service_out_until_another_release_is_loaded(
    folder: Path, photos: Files, tmp_path: Path, part: str, told: str
) -> None:
    dying = tiny_release(tmp_path / "dying")
    if part == "front end":
        behind_a_frontend(dying, frontend(fails_above=0.0))
    else:
        edit_member(dying, encoder=listed(dying, "person-0.encoder.onnx", encoder(fails_above=0.0)))
    night = encode(np.full((300, 400, 3), 10, np.uint8))
    with service(release=dying) as running:
        for _ in range(2):
            answer = ask(running, {"image_a": photos["image_a"], "image_b": night}, "person")
            assert (answer.status_code, answer.json()["error"]["code"]) == (500, "model_failed")
        assert httpx.get(f"{running.url}/livez").status_code == 200
        assert ask(running, {"image_a": night, "image_b": night}, "person").status_code == 200
        for _ in range(3):
            assert ask(running, dict.fromkeys(photos, photos["image_a"]), "person").status_code == 500
        assert ask(running, photos).status_code == 200  # the scene members are well
        for probe in ("livez", "readyz"):
            answer = httpx.get(f"{running.url}/{probe}")
            assert (answer.status_code, answer.json()["error"]["code"]) == (503, "not_live")
            assert told in answer.json()["error"]["message"]
        assert exchange(running, folder).status_code == 200
        assert httpx.get(f"{running.url}/livez").status_code == 200
        assert ask(running, photos, "person").status_code == 200


def test_a_shadow_release_is_seen_by_metrics_only(folder: Path, photos: Files, tmp_path: Path) -> None:
    shadow = tiny_release(tmp_path / "shadow")
    manifest = shadow / "manifest.json"
    manifest.write_text(manifest.read_text().replace("tiny-1", "shadow-1"))
    with service(release=folder, shadow_release=shadow, shadow_share=1.0) as running:
        answer = ask(running, photos)
        assert answer.json()["provenance"]["release"] == "tiny-1"
        assert "shadow" not in answer.text
        end = time.monotonic() + 10
        while not running.metric('idiff_shadow_pairs_total{outcome="agrees"}'):
            assert time.monotonic() < end
            time.sleep(0.02)
        assert running.metric('idiff_shadow_difference_bucket{le="0.01"}') == 1
        with ThreadPoolExecutor(4) as callers:
            assert {a.status_code for a in callers.map(lambda _: ask(running, photos), range(12))} == {200}
        time.sleep(0.5)
        told = sum(running.metric(f'idiff_shadow_pairs_total{{outcome="{name}"}}') for name in ("agrees", "skipped"))
        assert told == 13
        assert (
            running.metric("idiff_batch_photos_count") == 2 * 13
        )  # two photos, one member: the shadow's calls are not


def test_every_verdict_is_given_while_the_model_is_killed_hangs_and_comes_back(folder: Path, photos: Files) -> None:
    port = free_port()
    model = {"thinking_url": f"http://127.0.0.1:{port}", "thinking_check_s": 0, "lines_min": 1}
    reasons: list[set[str | None]] = []
    with (
        service(release=folder, thinking_deadline_s=0.5, max_in_flight=8, **model) as running,
        Traffic(running, photos, "auto") as traffic,
    ):
        for behaviour in (complete(), None, hangs, hangs_midway, resets, complete()):
            before = len(traffic.answers)
            with upstream(behaviour, port=port) if behaviour else nullcontext():
                time.sleep(3)
                if len(reasons) == 5:  # the circuit breaker leaves it alone for 15 s
                    time.sleep(15)
            reasons.append({answer.json()["rationale"]["reason"] for answer in traffic.verdicts[before + 6 :]})
    assert [answer.status_code for answer in traffic.verdicts] == [200] * len(traffic.answers)
    assert len({str(answer.json()["verdict"]) for answer in traffic.verdicts}) == 1
    well, *faults, again = reasons
    assert None in well & again
    assert all(fault and None not in fault for fault in faults)


def test_a_full_disk_changes_nothing(folder: Path, photos: Files, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TMPDIR", "/nowhere")
    with Path("/dev/full").open("w") as full, service(stderr=full, release=folder) as running:
        for _ in range(3):
            assert ask(running, photos).status_code == 200
        running.process.terminate()
        assert running.process.wait(20) == 0
