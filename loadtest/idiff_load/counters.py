"""The service's own figures: its Prometheus counters, and what can be read from their growth."""

from typing import Final

import httpx
from prometheus_client.parser import text_string_to_metric_families

STAGES: Final = "idiff_stage_seconds"
ERRORS: Final = "idiff_errors_total"
REFUSALS: Final = "idiff_refusal_seconds"
RATIONALES: Final = "idiff_rationales_total"
KEPT: Final = (STAGES, ERRORS, REFUSALS, RATIONALES)

REFUSAL_BOUND: Final = "0.05"
"""Seconds within which a refusal should leave: a bucket's end, so that the share of them is exact."""

Counters = dict[str, float]
"""`sample_name/label values` (in the order of the labels' names) to value."""


def scrape(url: str) -> Counters | None:
    """The kept counters as they are now; None where the service does not tell them."""
    try:
        answer = httpx.get(f"{url}/metrics", timeout=30, trust_env=False)
        answer.raise_for_status()
    except httpx.HTTPError:
        return None
    return parse(answer.text)


def parse(text: str) -> Counters:
    """Of Prometheus' text format; the buckets of stages, of which nobody asks, are left out."""
    return {
        "/".join((sample.name, *(value for _, value in sorted(sample.labels.items())))): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
        if sample.name.startswith(KEPT) and not sample.name.endswith("_created") and sample.name != f"{STAGES}_bucket"
    }


def growth(before: Counters | None, after: Counters | None) -> Counters:
    """By how much each grew; those that did not are left out, and all where either is unknown."""
    if before is None or after is None:
        return {}
    grown = {key: value - before.get(key, 0) for key, value in after.items()}
    return {key: value for key, value in grown.items() if value}


def stages_ms(counters: Counters) -> dict[str, float]:
    """Mean milliseconds of each stage, in the order of the way that a pair takes."""
    sums, counts = _labelled(counters, f"{STAGES}_sum"), _labelled(counters, f"{STAGES}_count")
    return {stage: 1000 * sums.get(stage, 0) / count for stage, count in counts.items()}


def errors(counters: Counters) -> dict[str, int]:
    """Errors answered, by code."""
    return {code: int(count) for code, count in _labelled(counters, ERRORS).items()}


def refused_in_time(counters: Counters) -> float | None:
    """Share of the refusals that left within the bound after their last needed byte; None where there were none."""
    counts = _labelled(counters, f"{REFUSALS}_count")
    if not counts:
        return None
    buckets = _labelled(counters, f"{REFUSALS}_bucket")
    return sum(buckets.get(f"{REFUSAL_BOUND}/{reason}", 0) for reason in counts) / sum(counts.values())


def by_model(counters: Counters) -> float | None:
    """Share of the rationales that the Thinking Model wrote; None where there were none."""
    counts = _labelled(counters, RATIONALES)  # by adapter, reason and source
    if not counts:
        return None
    return sum(count for key, count in counts.items() if key.endswith("/model")) / sum(counts.values())


def _labelled(counters: Counters, name: str) -> dict[str, float]:
    return {key.removeprefix(f"{name}/"): value for key, value in counters.items() if key.startswith(f"{name}/")}
