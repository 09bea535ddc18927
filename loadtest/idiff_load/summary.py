"""A run in figures."""

import math
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, fields
from statistics import fmean

from idiff_load import counters
from idiff_load.records import Phase, Probe, Reply, Run, Sample


@dataclass(frozen=True)
class PhaseSummary:
    """Latencies are those of the answered, in milliseconds from the due moment; `p99_times`: p99 over that of the
    first phase. `refusal_*_ms`: from the sending, the upload included; `refused_in_time`: share that left the service
    within 50 ms of their last needed byte, as it says itself. `late_p99_ms`: how late the generator sent.
    `core_ms`: processor time of the service, its probes' included, over the answers; `other_cores`: how many cores were
    busy with anything else, the generator included. What was not measured is None."""

    name: str
    rate: float
    requests: int
    offered_per_s: float
    served_per_s: float
    answered: int
    refused: int
    failed: int
    refused_share: float
    failed_share: float
    answered_share: float
    p50_ms: float | None
    p90_ms: float | None
    p99_ms: float | None
    max_ms: float | None
    p99_times: float | None
    refusal_p50_ms: float | None
    refusal_p99_ms: float | None
    refused_in_time: float | None
    late_p99_ms: float | None
    core_ms: float | None
    other_cores: float | None
    stages_ms: dict[str, float]
    codes: dict[str, int]


@dataclass(frozen=True)
class ProbeSummary:
    """Of one health endpoint, milliseconds. `failed`: answers other than 200."""

    path: str
    probes: int
    failed: int
    p50_ms: float | None
    p99_ms: float | None
    max_ms: float | None
    lag_p99_ms: float | None


@dataclass(frozen=True)
class ServiceSummary:
    """The service's process. `rss_growth`: mean memory of the load's last third over that of its first third, less 1;
    `*_left`: fewest after the load less fewest before it, since probes come and go meanwhile."""

    rss_first_mb: float
    rss_last_mb: float
    rss_growth: float
    rss_max_mb: float
    files_left: int
    threads_left: int


def quantile(values: Iterable[float], share: float) -> float | None:
    """The smallest observed value that at least `share` of `values` do not exceed; None of none."""
    ordered = sorted(values)
    return ordered[max(0, math.ceil(share * len(ordered)) - 1)] if ordered else None


def phases(run_phases: Sequence[Phase], replies: Sequence[Reply], samples: Sequence[Sample] = ()) -> list[PhaseSummary]:
    """Every phase, in order; all times on one clock, whichever."""
    told: list[PhaseSummary] = []
    for phase in run_phases:
        told.append(_phase(phase, replies, samples, told[0] if told else None))
    return told


def _phase(
    phase: Phase, replies: Sequence[Reply], samples: Sequence[Sample], first: PhaseSummary | None
) -> PhaseSummary:
    own = [reply for reply in replies if reply.phase == phase.name]
    by = {outcome: [r for r in own if r.outcome == outcome] for outcome in ("answered", "refused", "failed")}
    latency = [reply.latency_ms for reply in by["answered"]]
    refusals = [1000 * (reply.done_s - reply.sent_s) for reply in by["refused"]]
    p50, p99 = quantile(latency, 0.5), quantile(latency, 0.99)
    start = phase.start_s + ((first.p50_ms if first else p50) or 0) / 1000
    served = sum(r.outcome == "answered" and start <= r.done_s < start + phase.seconds for r in replies)
    busy = _busy(samples, phase)
    before = first.p99_ms if first else p99
    return PhaseSummary(
        name=phase.name,
        rate=phase.rate,
        requests=len(own),
        offered_per_s=len(own) / phase.seconds,
        served_per_s=served / phase.seconds,
        answered=len(latency),
        refused=len(refusals),
        failed=len(by["failed"]),
        refused_share=len(refusals) / max(1, len(own)),
        failed_share=len(by["failed"]) / max(1, len(own)),
        answered_share=len(latency) / max(1, len(own)),
        p50_ms=p50,
        p90_ms=quantile(latency, 0.9),
        p99_ms=p99,
        max_ms=max(latency, default=None),
        p99_times=p99 / before if p99 and before else None,
        refusal_p50_ms=quantile(refusals, 0.5),
        refusal_p99_ms=quantile(refusals, 0.99),
        refused_in_time=counters.refused_in_time(phase.counters),
        late_p99_ms=quantile((1000 * (reply.sent_s - reply.due_s) for reply in own), 0.99),
        core_ms=1000 * busy[0] / served if served and busy else None,
        other_cores=busy[1] if busy else None,
        stages_ms=counters.stages_ms(phase.counters),
        codes=dict(Counter(reply.code for reply in own if reply.code)),
    )


def _busy(samples: Sequence[Sample], phase: Phase) -> tuple[float, float] | None:
    """Processor seconds of the service in `phase`, and how many cores all else kept busy."""
    within = [sample for sample in samples if 0 <= sample.at_s - phase.start_s <= phase.seconds]
    if len(within) < 2:
        return None
    first, last = within[0], within[-1]
    seconds = last.cpu_s - first.cpu_s
    return seconds, (last.machine_s - first.machine_s - seconds) / (last.at_s - first.at_s)


def probes(run: Run) -> list[ProbeSummary]:
    """Each health endpoint, over the whole run."""
    paths = sorted({probe.path for probe in run.probes})
    return [_probes(path, [probe for probe in run.probes if probe.path == path]) for path in paths]


def _probes(path: str, seen: Sequence[Probe]) -> ProbeSummary:
    ms = [1000 * probe.seconds for probe in seen]
    return ProbeSummary(
        path=path,
        probes=len(ms),
        failed=sum(probe.status != 200 for probe in seen),
        p50_ms=quantile(ms, 0.5),
        p99_ms=quantile(ms, 0.99),
        max_ms=max(ms, default=None),
        lag_p99_ms=quantile((1000 * probe.lag_s for probe in seen), 0.99),
    )


def service(run: Run) -> ServiceSummary | None:
    """Of a service that was watched, with samples before, during and after the load; else None."""
    ends = max((reply.done_s for reply in run.replies), default=0.0)
    load = max((phase.end_s for phase in run.phases), default=0.0)
    before = [sample for sample in run.samples if sample.at_s < 0]
    # A connection that has just ended may be open for a moment yet.
    after = [sample for sample in run.samples if sample.at_s > max(ends, load) + 0.5]
    first = [sample.rss_mb for sample in run.samples if 0 <= sample.at_s < load / 3]
    last = [sample.rss_mb for sample in run.samples if 2 * load / 3 <= sample.at_s < load]
    if not (before and after and first and last):
        return None
    return ServiceSummary(
        rss_first_mb=fmean(first),
        rss_last_mb=fmean(last),
        rss_growth=fmean(last) / fmean(first) - 1,
        rss_max_mb=max(sample.rss_mb for sample in run.samples),
        files_left=min(s.files for s in after) - min(s.files for s in before),
        threads_left=min(s.threads for s in after) - min(s.threads for s in before),
    )


def measures(run: Run) -> dict[str, float | None]:
    """Every figure by name: `PHASE.FIELD`, `all.FIELD` (shares of all requests, and of all rationales by the model),
    `livez.FIELD`, `readyz.FIELD`, `service.FIELD` and `knee.rate`."""
    replies = max(1, len(run.replies))
    told: Counter[str] = sum((Counter(phase.counters) for phase in run.phases), Counter())
    named: dict[str, float | None] = {"knee.rate": run.knee, "all.by_model": counters.by_model(told)}
    for outcome in ("answered", "refused", "failed"):
        named[f"all.{outcome}_share"] = sum(reply.outcome == outcome for reply in run.replies) / replies
    parts: list[tuple[str, PhaseSummary | ProbeSummary | ServiceSummary]] = [
        *((phase.name, phase) for phase in phases(run.phases, run.replies, run.samples)),
        *((probe.path.strip("/"), probe) for probe in probes(run)),
        *(("service", part) for part in (service(run),) if part),
    ]
    for name, part in parts:
        for field in fields(part):
            value = getattr(part, field.name)
            if value is None or isinstance(value, int | float):
                named[f"{name}.{field.name}"] = value
    return named
