"""One run: a service, its bodies, the load, and what watched it meanwhile."""

# First: locust makes sockets and clocks gevent's, which those who import them before would not notice.
from idiff_load.caller import Callers  # isort: skip

import time
from contextlib import ExitStack
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

import httpx

from idiff_load.drive import Drive, warm
from idiff_load.payloads import bodies
from idiff_load.profiles import Profile
from idiff_load.records import Facts, Run
from idiff_load.service import own_service
from idiff_load.watch import read, watching
from idiff_models.bench.hardware import hardware

IDLE_SECONDS: Final = 2.5


@dataclass(frozen=True)
class Wanted:
    """What to measure. `url`: of a service that runs, else one is started; `knee`: requests per second, where known."""

    name: str
    profile: Profile
    out: Path
    command: str
    url: str | None
    knee: float | None
    rationale: str
    seed: int


def measure(wanted: Wanted) -> Run:
    """Run it; the service's log and what was watched are left in `wanted.out`."""
    started, machine = datetime.now(UTC).isoformat(timespec="seconds"), hardware()
    made, photos = bodies(wanted.rationale)
    print(photos)
    with ExitStack() as stack:
        service = None if wanted.url else stack.enter_context(own_service(wanted.out / "service.log"))
        url = service.url if service else str(wanted.url).rstrip("/")
        info = httpx.get(f"{url}/info", trust_env=False, timeout=30).raise_for_status().json()
        callers = Callers(url, made)
        warm(callers, len(made))
        seen = wanted.out / "watch.jsonl"
        with watching(url, service.pid if service else None, seen):
            time.sleep(IDLE_SECONDS)  # the service at rest, to compare with afterwards
            drive = Drive(wanted.profile, callers, url, len(made), wanted.seed, wanted.knee)
            drive.run()
            time.sleep(wanted.profile.quiet_s)
    facts = Facts(
        wanted.command, asdict(machine), _release(info), info["limits"], photos, wanted.rationale, started, wanted.seed
    )
    return _on_own_clock(wanted.name, facts, drive, seen)


def _release(info: dict[str, Any]) -> str:
    return f"{info['release']['version']} on {', '.join(info['providers'])}"


def _on_own_clock(name: str, facts: Facts, drive: Drive, seen: Path) -> Run:
    """The run, its clock beginning with the first phase."""
    zero = drive.phases[0].start_s
    probes, samples = read(seen, zero)
    return Run(
        profile=name,
        facts=facts,
        phases=[replace(phase, start_s=phase.start_s - zero) for phase in drive.phases],
        replies=[
            replace(reply, due_s=reply.due_s - zero, sent_s=reply.sent_s - zero, done_s=reply.done_s - zero)
            for reply in sorted(drive.callers.replies, key=lambda reply: reply.due_s)
        ],
        probes=probes,
        samples=samples,
        knee=drive.knee,
    )
