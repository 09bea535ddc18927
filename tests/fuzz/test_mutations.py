"""A thousand damaged uploads over real HTTP: each is answered in time and in form, and none leaves anything behind."""

import http.client
import json
import os
import time
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from random import Random
from typing import Final

import pytest
from fuzz_answers import check_error, check_stream
from fuzz_forms import ordinary
from fuzz_photos import WAYS
from fuzz_service import Service, served
from fuzz_wire import LIMIT_S, Answer, Mutant, ask, mutant, whole

from idiff.schemas import Comparison

pytestmark = [
    pytest.mark.fuzz,
    pytest.mark.slow,
    pytest.mark.timeout(900),
    pytest.mark.skipif(not Path("/proc/self/fd").is_dir(), reason="files, threads and memory are read from /proc"),
]

SEED: Final = os.environ.get("FUZZ_SEED", "1")
COUNT: Final = 1000
SETTLED: Final = 200
"""After so many the caches are warm; what grows from there on is a leak."""

CLIENTS: Final = 4
GROWTH_MB: Final = 12
"""Twice the most that was measured; 15 kB left by each mutant would be over it."""

ENVIRONMENT: Final = {
    "IDIFF_UPLOAD_TIMEOUT_S": "1",
    # Pixels go back to the system when they are freed, so that what stays is a leak and not the heap's habit.
    "MALLOC_MMAP_THRESHOLD_": "131072",
    "MALLOC_TRIM_THRESHOLD_": "131072",
}


@dataclass(frozen=True, slots=True)
class Held:
    """What the process has open."""

    files: int
    threads: int


@dataclass(frozen=True, slots=True)
class Run:
    """The service after all mutants, what became of each, and the service's holdings on the way."""

    service: Service
    outcomes: list[tuple[Mutant, Answer | Exception | None]]
    before: Held
    growth_mb: float


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Run]:
    folder = tmp_path_factory.mktemp("fuzz")
    with served(folder, ENVIRONMENT) as service, ThreadPoolExecutor(CLIENTS) as callers:

        def one(number: int) -> tuple[Mutant, Answer | Exception | None]:
            request = mutant(Random(f"{SEED}:{number}"))
            try:
                return request, ask(service.address, request)
            except (OSError, http.client.HTTPException) as error:
                return request, error

        for answer in callers.map(lambda seed: ask(service.address, well(Random(seed))), range(6 * CLIENTS)):
            assert answer
            assert answer.status == 200, answer.body
        time.sleep(1)  # the service has yet to close its ends of the connections
        before = Held(service.files, service.threads)
        outcomes = list(callers.map(one, range(SETTLED)))
        settled_mb = service.megabytes
        outcomes += callers.map(one, range(SETTLED, COUNT))
        yield Run(service, outcomes, before, service.megabytes - settled_mb)


def well(random: Random) -> Mutant:
    """A request with nothing wrong."""
    return Mutant("well", whole(ordinary(random), random))


def test_each_is_answered(run: Run) -> None:
    """A fault names its mutant: `mutant(Random("1:515"))` makes that one again."""
    responses = run.service.get("/openapi.json").json()["paths"]["/compare"]["post"]["responses"]
    codes = {
        int(status): set(response["content"]["application/json"].get("examples", ()))
        for status, response in responses.items()
    }
    faults = [
        f"{SEED}:{number} {request.name}: {found}"
        for number, (request, outcome) in enumerate(run.outcomes)
        if (found := fault(request, outcome, codes))
    ]
    assert not faults, "\n".join(faults)


def fault(request: Mutant, outcome: Answer | Exception | None, codes: dict[int, set[str]]) -> str | None:
    """What is wrong with an answer. `codes`: those of the documented statuses."""
    if not request.stays:
        return None
    if not isinstance(outcome, Answer):
        # The server itself refuses what is no HTTP, and closes without reading on: its refusal can get lost.
        return None if not request.http and isinstance(outcome, ConnectionError) else repr(outcome)
    if outcome.seconds > LIMIT_S:
        return f"answered after {outcome.seconds:.1f} s"
    if not request.http and outcome.status == 400 and outcome.content_type == "text/plain":
        return None
    if outcome.status not in codes or outcome.status >= 500:
        return f"answered {outcome.status}: {outcome.body[:500]!r}"
    if not outcome.request_id:
        return "the answer has no X-Request-Id"
    try:
        _check(outcome, codes[outcome.status])
    except ValueError as error:  # pydantic's is one
        return f"answered {outcome.status}, {outcome.content_type}: {error}"
    return None


def _check(answer: Answer, codes: set[str]) -> None:
    if answer.status == 200 and answer.content_type == "text/event-stream":
        check_stream(answer.body)
    elif answer.content_type != "application/json":
        raise ValueError("neither JSON nor events")
    elif answer.status == 200:
        Comparison.model_validate_json(answer.body)
    else:
        check_error(answer.body, codes)


def test_the_mutants_reach_deep_and_are_refused_early(run: Run) -> None:
    statuses: dict[str, Counter[int]] = {way: Counter() for way in WAYS}
    for request, outcome in run.outcomes:
        kind, _, done = request.name.partition(": ")
        if kind == "photo" and isinstance(outcome, Answer):
            statuses[done.rpartition(" ")[0]][outcome.status] += 1
    assert all(counted[200] and counted[422] for counted in statuses.values()), statuses
    assert sum(counted[200] for counted in statuses.values()) > COUNT / 10


def test_the_service_is_alive_and_idle(run: Run) -> None:
    assert run.service.process.poll() is None
    assert run.service.get("/readyz").status_code == 200
    deadline = time.monotonic() + 10
    while run.service.in_flight != 1 and time.monotonic() < deadline:
        time.sleep(0.1)
    assert run.service.in_flight == 1
    answer = ask(run.service.address, well(Random(SEED)))
    assert answer
    assert answer.status == 200


def test_no_file_or_thread_is_left(run: Run) -> None:
    service, before, deadline = run.service, run.before, time.monotonic() + 10
    while (held := Held(service.files, service.threads)) != before and time.monotonic() < deadline:
        time.sleep(0.1)
    assert held.files <= before.files
    assert held.threads <= before.threads


def test_memory_is_flat(run: Run) -> None:
    growth_mb = run.growth_mb
    assert growth_mb < GROWTH_MB


def test_nothing_unforeseen_was_logged(run: Run) -> None:
    lines = [json.loads(line) for line in run.service.log.read_text(errors="replace").splitlines() if line[:1] == "{"]
    unforeseen = [
        line
        for line in lines
        if line["level"] in ("ERROR", "CRITICAL") and line["logger"].startswith(("idiff", "uvicorn", "asyncio"))
    ]
    assert len(lines) > COUNT
    assert not unforeseen, json.dumps(unforeseen[:5], indent=1)
