"""Every metric, its labels and its buckets, declared once."""

from typing import Final

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, Info

from idiff.thinking.call import Call
from idiff.thinking.proof import Proof
from idiff.types import Rationale, Verdict

SHARE: Final = (0.0, 0.2, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 1.0)
SECONDS: Final = (0.005, 0.01, 0.025, 0.05, 0.1, 0.2, 0.35, 0.5, 0.75, 1.0, 2.0, 5.0, 10.0, 20.0)
PROBABILITY: Final = (0.55, 0.6, 0.65, 0.7, 0.75, 0.8, 0.85, 0.9, 0.95, 1.0)


class Metrics:
    """All metrics of one service instance, in a registry of its own."""

    def __init__(self) -> None:
        self.registry = registry = CollectorRegistry()
        self.requests = Counter("idiff_requests", "Requests answered", ["route", "method", "code"], registry=registry)
        self.request_seconds = Histogram(
            "idiff_request_seconds", "Time to the last byte", ["route"], buckets=SECONDS, registry=registry
        )
        self.key_requests = Counter("idiff_key_requests", "Requests by API key", ["key", "code"], registry=registry)
        self.in_flight = Gauge("idiff_requests_in_flight", "Requests being answered", registry=registry)
        self.errors = Counter("idiff_errors", "Errors by machine-readable code", ["code"], registry=registry)
        self.stage_seconds = Histogram(
            "idiff_stage_seconds", "Time of one stage of a comparison", ["stage"], buckets=SECONDS, registry=registry
        )
        self.verdicts = Counter("idiff_verdicts", "Verdicts", ["category", "category_source"], registry=registry)
        self.confidence = Histogram(
            "idiff_verdict_confidence", "Confidence of verdicts", ["category"], buckets=PROBABILITY, registry=registry
        )
        self.too_close = Counter("idiff_verdicts_too_close", "Verdicts inside the tie band", registry=registry)
        self.split_votes = Counter("idiff_verdicts_split", "Verdicts whose members disagreed", registry=registry)
        self.warnings = Counter("idiff_warnings", "Warnings given with an answer", ["code"], registry=registry)
        self.rationales = Counter(
            "idiff_rationales", "Rationales by source and reason", ["source", "adapter", "reason"], registry=registry
        )
        self.rationale_retries = Counter(
            "idiff_rationale_retries", "Texts asked for again", ["adapter", "reason"], registry=registry
        )
        self.claims = Counter(
            "idiff_rationale_claims",
            "Lines by what the measurements say of them: agrees, contradicts or silent",
            ["source", "adapter", "measured"],
            registry=registry,
        )
        self.grounding = Histogram(
            "idiff_rationale_grounding", "Grounding score", ["source", "adapter"], buckets=SHARE, registry=registry
        )
        self.circuit_open = Gauge(
            "idiff_thinking_circuit_open", "1 while its circuit breaker is open", ["adapter"], registry=registry
        )
        self.thinking_barred = Gauge(
            "idiff_thinking_barred", "1 while its check keeps it from being used", ["adapter"], registry=registry
        )
        self.thinking_check = Gauge(
            "idiff_thinking_check",
            "1 where its last check passed, else 0",
            ["adapter", "check"],
            registry=registry,
        )
        self.thinking_calls = Counter(
            "idiff_thinking_calls", "Calls of the Thinking Model", ["adapter", "outcome"], registry=registry
        )
        self.thinking_seconds = Histogram(
            "idiff_thinking_seconds", "Time of a whole call", ["adapter", "outcome"], buckets=SECONDS, registry=registry
        )
        self.thinking_tokens = Counter(
            "idiff_thinking_tokens", "Tokens, as the server counts them", ["adapter", "kind"], registry=registry
        )
        self.thinking_first_token = Histogram(
            "idiff_thinking_first_token_seconds",
            "Time to the first words",
            ["adapter"],
            buckets=SECONDS,
            registry=registry,
        )
        self.iqa_calls = Counter("idiff_iqa_calls", "Calls of the IQA service", ["outcome"], registry=registry)
        self.iqa_circuit_open = Gauge(
            "idiff_iqa_circuit_open", "1 while the IQA service's circuit breaker is open", registry=registry
        )
        self.ready = Gauge("idiff_ready", "1 while the service is ready", registry=registry)
        self.release = Info("idiff_release", "The Answer Model release being served", registry=registry)

    def observe_verdict(self, verdict: Verdict) -> None:
        """Count one verdict."""
        category = verdict.category
        self.verdicts.labels(category.name, category.source).inc()
        self.confidence.labels(category.name).observe(verdict.confidence)
        self.too_close.inc(verdict.too_close)
        self.split_votes.inc(verdict.split)

    def observe_rationale(self, rationale: Rationale) -> None:
        """Count one rationale."""
        writer = rationale.source, rationale.adapter or ""
        self.rationales.labels(*writer, rationale.reason or "").inc()
        for line in rationale.lines:
            self.claims.labels(*writer, {True: "agrees", False: "contradicts", None: "silent"}[line.agrees]).inc()
        if rationale.grounding is not None:
            self.grounding.labels(*writer).observe(rationale.grounding)

    def observe_proof(self, adapter: str, proof: Proof | None, barred: bool) -> None:
        """Show the check of an adapter's server; what could not be checked shows nothing."""
        self.thinking_barred.labels(adapter).set(barred)
        self.thinking_check.remove_by_labels({"adapter": adapter})
        for finding in proof.findings if proof else ():
            if finding.passed is not None:
                self.thinking_check.labels(adapter, finding.check).set(finding.passed)

    def observe_thinking(self, adapter: str, call: Call) -> None:
        """Count one call of the Thinking Model."""
        self.thinking_calls.labels(adapter, call.outcome).inc()
        self.thinking_seconds.labels(adapter, call.outcome).observe(call.seconds)
        self.thinking_tokens.labels(adapter, "prompt").inc(call.prompt_tokens or 0)
        self.thinking_tokens.labels(adapter, "cached").inc(call.cached_tokens or 0)
        self.thinking_tokens.labels(adapter, "completion").inc(call.completion_tokens or 0)
        if call.first_token_s is not None:
            self.thinking_first_token.labels(adapter).observe(call.first_token_s)
