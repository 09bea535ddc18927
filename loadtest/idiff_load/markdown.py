"""The report of a run as Markdown."""

from collections.abc import Sequence

from idiff_load import knee, slo, summary
from idiff_load.profiles import KneeRule, Profile
from idiff_load.records import Facts, Run
from idiff_load.summary import PhaseSummary


def render(
    run: Run, profile: Profile, told: Sequence[PhaseSummary], findings: Sequence[slo.Finding], pictures: Sequence[str]
) -> str:
    """The report for people. `pictures`: file names beside it."""
    parts = [
        f"# Load: {run.profile}",
        profile.about,
        _facts(run.facts, shared=bool(run.samples)),
        "## Service levels",
        table(
            ("", "measure", "measured", "demanded"),
            [
                ("met" if found.met else "**missed**", found.bound.measure, number(found.value, 3), found.demand)
                for found in findings
            ],
        ),
        "## Latency and throughput",
        "Latency in ms, of the answered, from the moment that a request was due. Refused: 429 or 503. Failed: any "
        "other outcome. Late: how late the generator itself sent, p99; it is part of the latency. Core-ms: processor "
        "time of the service, its probes' included, over the answers.",
        _load(told),
    ]
    if any(phase.codes for phase in told):
        parts += [_refusals(told)]
    if profile.rule:
        parts += ["## The knee", _knee(run, profile.rule, told)]
    if any(phase.stages_ms for phase in told):
        parts += ["## Stages", "Mean of each stage of a comparison, ms.", _stages(told)]
    parts += ["## Health endpoints beside the load", _probes(run)]
    if process := summary.service(run):
        parts += ["## The service's process", _service(process)]
    parts += [" ".join(f"![{name}]({name})" for name in pictures)]
    return "\n\n".join(parts) + "\n"


def _facts(facts: Facts, shared: bool) -> str:
    machine = facts.hardware
    load = "" if machine["load"] is None else f", load {machine['load']} before the start"
    users = "for service and generator together" if shared else "for the generator"
    limits = ", ".join(f"{name} {value}" for name, value in facts.limits.items())
    return "\n".join(
        (
            f"- `{facts.command}`, {facts.started}, seed {facts.seed}",
            f"- {machine['cpu']}, {machine['cores']} cores {users}{load}; "
            f"GPU: {machine['gpu'] or 'none'}; {machine['system']}, {machine['onnxruntime']}",
            f"- release {facts.release}; {limits}",
            f"- {facts.photos}; rationale={facts.rationale}",
        )
    )


def _load(told: Sequence[PhaseSummary]) -> str:
    head = (
        "phase",
        "requests",
        "offered/s",
        "served/s",
        "p50",
        "p90",
        "p99",
        "max",
        "refused",
        "failed",
        "late",
        "core-ms",
        "others",
    )
    return table(
        head,
        [
            (
                phase.name,
                str(phase.requests),
                number(phase.offered_per_s, 2),
                number(phase.served_per_s, 2),
                *(number(value) for value in (phase.p50_ms, phase.p90_ms, phase.p99_ms, phase.max_ms)),
                str(phase.refused),
                str(phase.failed),
                *(number(value) for value in (phase.late_p99_ms, phase.core_ms)),
                number(phase.other_cores, 2),
            )
            for phase in told
        ],
    )


def _refusals(told: Sequence[PhaseSummary]) -> str:
    rows = [
        (
            phase.name,
            ", ".join(f"{code} {count}" for code, count in phase.codes.items()),
            number(phase.refusal_p50_ms),
            number(phase.refusal_p99_ms),
            number(None if phase.refused_in_time is None else 100 * phase.refused_in_time, 1),
        )
        for phase in told
        if phase.codes
    ]
    text = (
        "Not answered, by code. Refusals as the caller times them, ms from the sending, which includes the upload; and "
        "the share that left the service within 50 ms of their last needed byte, as the service times it."
    )
    head = ("phase", "codes", "refusal p50", "refusal p99", "within 50 ms, %")
    return f"{text}\n\n{table(head, rows)}"


def _knee(run: Run, rule: KneeRule, told: Sequence[PhaseSummary]) -> str:
    found = f"**{run.knee:.2f} requests/s**" if run.knee else "**none found**, not even the lowest rate"
    rows = [
        (
            phase.name,
            number(phase.offered_per_s, 2),
            number(100 * phase.served_per_s / phase.offered_per_s if phase.offered_per_s else None, 1),
            number(phase.p99_times, 1),
            knee.shortfall(phase, rule) or "keeps up",
        )
        for phase in told
    ]
    rates = table(("phase", "offered/s", "served, %", "p99, times the lowest rate's", ""), rows)
    return f"{found}. The knee is {knee.definition(rule)}.\n\n{rates}"


def _stages(told: Sequence[PhaseSummary]) -> str:
    stages = list(dict.fromkeys(stage for phase in told for stage in phase.stages_ms))
    rows = [(phase.name, *(number(phase.stages_ms.get(stage), 1) for stage in stages)) for phase in told]
    return table(("phase", *stages), rows)


def _probes(run: Run) -> str:
    rows = [
        (p.path, str(p.probes), str(p.failed), *(number(v, 1) for v in (p.p50_ms, p.p99_ms, p.max_ms, p.lag_p99_ms)))
        for p in summary.probes(run)
    ]
    text = "Every 100 ms, by a process of its own; ms. The last column, how late the prober was, is in no other one."
    return f"{text}\n\n{table(('endpoint', 'probes', 'failed', 'p50', 'p99', 'max', 'prober late'), rows)}"


def _service(process: summary.ServiceSummary) -> str:
    return (
        f"Memory {process.rss_first_mb:.0f} MB in the first third of the load and {process.rss_last_mb:.0f} MB in the "
        f"last ({100 * process.rss_growth:+.1f} %), at most {process.rss_max_mb:.0f} MB. After the load, against "
        f"before it: {process.files_left:+g} open files, {process.threads_left:+g} threads."
    )


def table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """A Markdown table."""
    return "\n".join(f"| {' | '.join(cells)} |" for cells in (head, ["---"] * len(head), *rows))


def number(value: float | None, digits: int = 0) -> str:
    """Empty where it is not known."""
    return "" if value is None else f"{value:.{digits}f}"
