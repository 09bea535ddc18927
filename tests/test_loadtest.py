"""The load test's own laws: latency counts from the due moment, what the knee is, a missed service level exits 1."""

import importlib.util
import io
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from itertools import pairwise
from pathlib import Path

import pytest
from PIL import Image
from prometheus_client import generate_latest

from idiff.metrics import Metrics
from idiff_load import counters, knee, payloads, summary, watch
from idiff_load.arrivals import Arrival, dispatch, poisson
from idiff_load.profiles import KneeRule, load
from idiff_load.records import Facts, Phase, Probe, Reply, Run, Sample
from run import main

LOADTEST = Path(__file__).parents[1] / "loadtest"
RULE = KneeRule(served_share=0.95, p99_times=5)


def test_arrivals_are_those_of_a_seeded_poisson_process() -> None:
    """The same ones each time, of the rate asked for, with gaps as irregular as a Poisson process's."""
    some = list(poisson("steady", 5, 100, 400, 3, seed=7))
    assert some == list(poisson("steady", 5, 100, 400, 3, seed=7)) != list(poisson("steady", 5, 100, 400, 3, seed=8))
    gaps = [b.due - a.due for a, b in pairwise(some)]
    mean = sum(gaps) / len(gaps)
    assert mean == pytest.approx(1 / 5, rel=0.1)
    assert sum((gap - mean) ** 2 for gap in gaps) / len(gaps) == pytest.approx(mean**2, rel=0.2)
    assert {arrival.body for arrival in some} == {0, 1, 2}
    assert all(100 <= arrival.due < 500 for arrival in some)


def test_a_service_that_stalls_shows_in_all_that_were_due_meanwhile() -> None:
    """Each is sent when it is due and waits for the rest of the stall; none is held back for the sake of others."""
    stall, served = threading.Event(), []
    start = time.monotonic() + 0.05

    def call(arrival: Arrival) -> None:
        sent = time.monotonic()
        stall.wait()
        served.append(Reply(arrival.phase, 2, arrival.due, sent, time.monotonic(), 200))

    calls: list[threading.Thread] = []

    def spawn(arrival: Arrival) -> None:
        calls.append(threading.Thread(target=call, args=(arrival,)))
        calls[-1].start()

    threading.Timer(start + 1 - time.monotonic(), stall.set).start()
    dispatch([Arrival("steady", start + 0.1 * place, 0) for place in range(9)], spawn)
    for thread in calls:
        thread.join()
    assert len(served) == 9
    for reply in served:
        assert reply.sent_s < start + 1  # while the stall lasted
        assert reply.latency_ms >= 1000 * (start + 1 - reply.due_s) - 1


def test_a_generator_that_stalls_is_forgiven_nothing() -> None:
    """Arrivals whose moment passed are sent at once, and their wait counts."""
    now = [0.0]
    replies = []

    def spawn(arrival: Arrival) -> None:
        replies.append(Reply(arrival.phase, 2, arrival.due, now[0], now[0] + 0.1, 200))
        if arrival.due == 1:
            now[0] += 1.0

    def sleep(seconds: float) -> None:
        now[0] += seconds

    dispatch([Arrival("steady", due, 0) for due in (1, 1.25, 1.5, 3)], spawn, clock=lambda: now[0], sleep=sleep)
    assert [round(reply.latency_ms) for reply in replies] == [100, 850, 600, 100]


def test_a_probe_counts_from_its_due_moment_where_the_one_before_was_still_out() -> None:
    """The prober's own lateness is told apart."""
    held_up = watch.timed("/livez", time.monotonic() - 0.2, lambda: 200)
    assert held_up.seconds >= 0.2
    assert held_up.lag_s == 0
    slept = watch.timed("/livez", time.monotonic() + 0.02, lambda: 503)
    assert slept.seconds < 0.02
    assert slept.lag_s >= 0
    assert slept.status == 503


def phase(rate: float, latency: Callable[[float], float], status: int = 200) -> tuple[Phase, list[Reply]]:
    """Twenty seconds at an even `rate`, where a request due at a moment takes `latency` of it, seconds."""
    name, seconds = f"{rate:g}/s", 20
    dues = [place / rate for place in range(int(seconds * rate))]
    return Phase(name, rate, 0, seconds), [Reply(name, 2, due, due, due + latency(due), status) for due in dues]


def summaries(*driven: tuple[Phase, list[Reply]]) -> list[summary.PhaseSummary]:
    """Of phases as `step` drives them, one after another, each begun when the one before is through."""
    phases, replies = [], []
    for place, (one, own) in enumerate(driven):
        phases.append(replace(one, start_s=1000 * place))
        replies += [replace(r, due_s=r.due_s + 1000 * place, done_s=r.done_s + 1000 * place) for r in own]
    return summary.phases(phases, replies)


def test_the_knee_is_the_highest_rate_that_is_kept_up_with() -> None:
    """A queue that grows, a p99 that is too far above the lowest rate's and a refusal each end it."""
    steady = phase(1, lambda _: 0.4)
    kept = phase(3, lambda _: 0.9)
    slow = phase(4, lambda due: 0.4 if due % 4 else 2.5)
    growing = phase(5, lambda due: 0.4 + 0.3 * due)
    refusing = phase(6, lambda _: 0.01, status=503)
    told = summaries(steady, kept, slow, growing, refusing)
    reasons = [knee.shortfall(one, RULE) for one in told]
    assert reasons[:2] == [None, None]
    assert reasons[2] is not None
    assert "6.2 times" in reasons[2]
    assert reasons[3] is not None
    assert "served" in reasons[3]
    assert reasons[4] is not None
    assert knee.knee(told, RULE) == 3
    assert knee.knee(told[2:], RULE) is None
    assert not knee.hopeless(told[:3], RULE)
    assert knee.hopeless(told[:4], RULE)


def observed(name: str, probe_s: float = 0.004) -> Run:
    """A run of a profile in which all went well, its probes taking `probe_s`."""
    phases, replies, start = [], [], 0.0
    grown = {f"{counters.REFUSALS}_count/503": 4.0, f"{counters.REFUSALS}_bucket/503/0.05": 4.0}
    for plan in load()[name].plan[-3:]:
        phases.append(Phase(plan.name, 2, start, 20, grown | {f"{counters.STAGES}_sum/decode": 3.0}))
        replies += [Reply(plan.name, 2, start + due, start + due, start + due + 0.3, 200) for due in range(20)]
        start += 20
    return Run(
        profile=name,
        facts=Facts(
            "command",
            {"cpu": "x", "cores": 2, "load": None, "gpu": ""} | dict.fromkeys(("system", "onnxruntime"), "x"),
            "release",
            {},
            "photos",
            "measured",
            "now",
            1,
        ),
        phases=phases,
        replies=replies,
        probes=[Probe(path, 0.1 * place, probe_s, 0, 200) for place in range(100) for path in watch.PATHS],
        samples=[Sample(place - 5, 500, 10, 7, place / 2, place) for place in range(75)],
        knee=2.5,
    )


@pytest.mark.parametrize("name", list(load()))
def test_every_service_level_names_a_measure(name: str) -> None:
    """One that no run has would be missed for ever."""
    assert {bound.measure for bound in load()[name].slo} <= set(summary.measures(observed(name)))


def test_a_missed_service_level_makes_the_exit_code_1(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """And is printed with what was measured."""
    good, bad = tmp_path / "good", tmp_path / "bad"
    for folder, probe_s in ((good, 0.004), (bad, 0.08)):
        folder.mkdir()
        observed("smoke", probe_s).save(folder)
    assert main(["smoke", "--again", "--out", str(good)]) == 0
    assert "MISSED" not in capsys.readouterr().out
    assert main(["smoke", "--again", "--out", str(bad)]) == 1
    assert "MISSED livez.p99_ms 80 (at most 50)" in capsys.readouterr().out
    assert {"report.md", "report.json", "latency_over_time.png", "service.png"} <= {file.name for file in bad.iterdir()}
    assert "gevent" not in sys.modules


def test_the_services_own_figures_are_read_by_their_growth() -> None:
    """Mean time of a stage, and the shares of refusals that left in time and of rationales that the model wrote."""
    metrics = Metrics()
    metrics.stage_seconds.labels("decode").observe(9)
    before = counters.parse(generate_latest(metrics.registry).decode())
    for seconds in (0.1, 0.3):
        metrics.stage_seconds.labels("decode").observe(seconds)
    metrics.rationales.labels("model", "rationale", "").inc()
    metrics.rationales.labels("measured", "", "timeout").inc(3)
    for seconds in (0.01, 0.02, 0.03, 0.2):
        metrics.refusal_seconds.labels("comparisons").observe(seconds)
    grown = counters.growth(before, counters.parse(generate_latest(metrics.registry).decode()))
    assert counters.stages_ms(grown) == pytest.approx({"decode": 200})
    assert counters.refused_in_time(grown) == 0.75
    assert counters.by_model(grown) == 0.25
    assert counters.by_model({}) is None
    assert counters.refused_in_time({}) is None
    assert counters.growth(before, None) == {}


def test_memory_that_grows_and_files_that_stay_open_are_told() -> None:
    """Last third over first third, and after the load against before it."""
    run = observed("spike")
    leaking = [replace(one, rss_mb=500 + 5 * one.at_s, files=10 + (one.at_s > 60)) for one in run.samples]
    told = summary.service(replace(run, samples=leaking))
    flat = summary.service(run)
    assert flat is not None
    assert told is not None
    assert (flat.rss_growth, flat.files_left, flat.threads_left) == (0, 0, 0)
    assert told.rss_growth > 0.05
    assert told.files_left == 1


def test_without_photographs_the_bundled_pair_is_enlarged(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A form of the wanted size; the report says what it is made of."""
    monkeypatch.setattr(payloads, "DATA", tmp_path)
    monkeypatch.setattr(payloads, "MEGAPIXELS", (2,))
    (body,), told = payloads.bodies("measured")
    assert "bundled" in told
    assert body.content_type.startswith("multipart/form-data; boundary=")
    photo = body.content[body.content.index(b"\xff\xd8\xff") :]
    with Image.open(io.BytesIO(photo)) as image:
        assert image.width * image.height == pytest.approx(2e6, rel=0.01)


class Stalling(BaseHTTPRequestHandler):
    """Answers nothing before `opens`, a moment of the monotonic clock."""

    opens = 0.0

    def do_POST(self) -> None:
        """After the stall."""
        self.rfile.read(int(self.headers["Content-Length"]))
        time.sleep(max(0, Stalling.opens - time.monotonic()))
        self.send_response(200)
        self.send_header("Content-Length", "2")
        self.end_headers()
        self.wfile.write(b"{}")

    def log_message(self, *_: object) -> None:
        """Nothing."""


CALL = """
import sys, time
from idiff_load.caller import Callers
from idiff_load.arrivals import Arrival, dispatch
from idiff_load.payloads import Body
callers = Callers(sys.argv[1], [Body(b"x" * 3_000_000, "text/plain", 2)])
start = time.monotonic()
dispatch([Arrival("steady", start + 0.1 * place, 0) for place in range(5)], callers.spawn)
callers.join()
for reply in callers.replies:
    print(reply.status, reply.due_s, reply.done_s)
"""


@pytest.mark.skipif(not importlib.util.find_spec("locust"), reason="locust is in the load test's own environment")
def test_locusts_callers_keep_the_law() -> None:
    """In a process of its own, whose sockets locust may patch."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), Stalling)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    Stalling.opens = time.monotonic() + 6
    try:
        said = subprocess.run(
            [sys.executable, "-c", CALL, f"http://127.0.0.1:{server.server_port}"],
            env={"PYTHONPATH": str(LOADTEST)},
            capture_output=True,
            text=True,
            timeout=60,
            check=True,
        ).stdout
    finally:
        server.shutdown()
        server.server_close()
    replies = [line.split() for line in said.splitlines()]
    assert [status for status, _, _ in replies] == ["200"] * 5
    assert all(float(due) < Stalling.opens <= float(done) for _, due, done in replies)
