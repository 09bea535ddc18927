"""Every metric, its labels and its buckets, declared once."""

from collections.abc import Iterable
from itertools import product
from typing import Final, Literal, get_args

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, Info, ProcessCollector

from idiff.answer.manifest import Manifest
from idiff.memory import limit_bytes
from idiff.thinking.call import Call
from idiff.thinking.options import Reason, ThinkingOptions
from idiff.thinking.proof import Proof
from idiff.types import Category, PhotoFeatures, Rationale, Verdict

Stage = Literal[
    "headers",
    "queue",
    "decode",
    "views",
    "route",
    "align",
    "answer",
    "features",
    "maps",
    "iqa",
    "rationale",
    "attributes",
]
"""What a comparison is timed by, in its order."""

RankingStage = Literal["headers", "look", "align", "read", "verdicts", "features", "iqa", "rationale"]
"""What a ranking is timed by: the first photo to the last in each."""

ANSWERED: Final = (200, 500, 503, 504)
"""Statuses of a comparison or ranking that count for its service level: there from the start, so the first shows."""

SHARE: Final = (0.0, 0.2, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 1.0)
SECONDS: Final = (0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.2, 0.35, 0.5, 0.7, 1.0, 2.0, 5.0, 10.0, 20.0, 60.0)
"""Objectives are edges, so that the share within them is exact: 10 ms for five full-size members, 50 ms for a refusal,
0.7 s for a rationale, 2 s for a verdict; so are the deadlines of a rationale, 20 s, and of a request, 60 s."""
PHOTOS: Final = (1, 2, 4, 8, 16, 32, 64)
DIFFERENCE: Final = (0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0)
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
        self.verdict_seconds = Histogram(
            "idiff_verdict_seconds",
            "From the last byte of the upload to the verdict",
            buckets=SECONDS,
            registry=registry,
        )
        self.refusal_seconds = Histogram(
            "idiff_refusal_seconds",
            "From the last byte that was needed to the answer of a request turned away for load or size",
            ["reason"],
            buckets=SECONDS,
            registry=registry,
        )
        self.uploads = Gauge("idiff_uploads", "Bodies that are arriving", registry=registry)
        self.queue_depth = Gauge(
            "idiff_queue_depth", "Comparisons held between their last byte and their verdict", registry=registry
        )
        self.batch_photos = Histogram(
            "idiff_batch_photos", "Photos in one call of an encoder", buckets=PHOTOS, registry=registry
        )
        self.verdicts = Counter("idiff_verdicts", "Verdicts", ["category", "category_source"], registry=registry)
        self.confidence = Histogram(
            "idiff_verdict_confidence", "Confidence of verdicts", ["category"], buckets=PROBABILITY, registry=registry
        )
        self.too_close = Counter("idiff_verdicts_too_close", "Verdicts inside the tie band", registry=registry)
        self.split_votes = Counter("idiff_verdicts_split", "Verdicts whose members disagreed", registry=registry)
        self.votes = Counter(
            "idiff_member_votes",
            "Votes that agree or disagree with the verdict",
            ["member", "outcome"],
            registry=registry,
        )
        self.feature_values = Counter(
            "idiff_feature_values",
            "Photos by the bin of the release's reference that a feature of theirs falls into",
            ["release", "feature", "bin"],
            registry=registry,
        )
        self.feature_reference = Gauge(
            "idiff_feature_reference_share",
            "Share of the release's reference in a bin of a feature",
            ["release", "feature", "bin"],
            registry=registry,
        )
        self.rankings = Counter("idiff_rankings", "Rankings", ["category", "category_source"], registry=registry)
        self.ranking_photos = Histogram(
            "idiff_ranking_photos", "Photos in one ranking", buckets=PHOTOS, registry=registry
        )
        self.ranking_stage_seconds = Histogram(
            "idiff_ranking_stage_seconds",
            "Time of one stage of a ranking",
            ["stage"],
            buckets=SECONDS,
            registry=registry,
        )
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
        self.provider = Info(
            "idiff_provider", "The execution provider that is required, and what the graphs run on", registry=registry
        )
        self.provider_refused = Gauge(
            "idiff_provider_refused", "1 where a graph would not run on the required provider", registry=registry
        )
        self.adapter = Info("idiff_adapter", "An adapter of the Thinking Model", ["role"], registry=registry)
        self.exchanges = Counter(
            "idiff_release_exchanges",
            "Releases asked for while serving: done or refused",
            ["outcome"],
            registry=registry,
        )
        self.shadow_pairs = Counter(
            "idiff_shadow_pairs",
            "Pairs of the shadow release's share: agrees, disagrees, failed, or skipped while it was busy",
            ["outcome"],
            registry=registry,
        )
        self.shadow_difference = Histogram(
            "idiff_shadow_difference",
            "How far the shadow release's probability is from the answer's",
            buckets=DIFFERENCE,
            registry=registry,
        )
        self.cache = Counter(
            "idiff_cache", "Answers looked for in the cache: hit or miss", ["outcome"], registry=registry
        )
        self.cache_bytes = Gauge("idiff_cache_bytes", "Size of the cached answers", registry=registry)
        self.memory_limit = Gauge(
            "idiff_memory_limit_bytes",
            "Memory that the process may use: its container's, else the machine's",
            registry=registry,
        )
        self.memory_limit.set(limit_bytes())
        ProcessCollector(registry=registry)
        for stage in get_args(Stage):
            self.stage_seconds.labels(stage)
        for stage in get_args(RankingStage):
            self.ranking_stage_seconds.labels(stage)
        for route, status in product(("/compare", "/rank"), ANSWERED):
            self.requests.labels(route, "POST", status)
        for outcome in ("hit", "miss"):
            self.cache.labels(outcome)

    def observe_release(self, manifest: Manifest) -> None:
        """Show the release that answers from now on; of the one before nothing is left."""
        self.release.info({"version": manifest.version, "created": manifest.created})
        for metric in (self.votes, self.feature_values, self.feature_reference):
            metric.clear()
        for member in manifest.members:
            for outcome in ("agrees", "disagrees"):
                self.votes.labels(member.name, outcome)
        for feature, distribution in manifest.reference.features.items() if manifest.reference else ():
            for place, share in enumerate(distribution.shares):
                self.feature_values.labels(manifest.version, feature, place)
                self.feature_reference.labels(manifest.version, feature, place).set(share)

    def observe_adapter(self, role: Literal["main", "trial"], options: ThinkingOptions) -> None:
        """Show an adapter, and every reason for which it may not write a rationale."""
        self.adapter.labels(role).info(
            {"adapter": options.model, "family": options.family, "stage": options.stage, "wording": options.wording}
        )
        self.thinking_barred.labels(options.model)
        self.rationales.labels("model", options.model, "")
        for reason in (*get_args(Reason), "internal_error"):
            self.rationales.labels("measured", "", reason)

    def observe_verdict(self, verdict: Verdict) -> None:
        """Count one verdict."""
        category = verdict.category
        self.verdicts.labels(category.name, category.source).inc()
        self.confidence.labels(category.name).observe(verdict.confidence)
        self.too_close.inc(verdict.too_close)
        self.split_votes.inc(verdict.split)
        for vote in verdict.votes:
            self.votes.labels(vote.member, "agrees" if vote.preferred == verdict.preferred else "disagrees").inc()

    def observe_features(self, manifest: Manifest, photos: Iterable[PhotoFeatures]) -> None:
        """Count photos by where the release's reference has their features."""
        reference = manifest.reference.features if manifest.reference else {}
        for photo in photos:
            for feature, value in photo.named.items():
                if feature in reference:
                    place = reference[feature].bin(value)
                    self.feature_values.labels(manifest.version, feature, place).inc()

    def observe_ranking(self, category: Category, photos: int) -> None:
        """Count one ranking of so many photos."""
        self.rankings.labels(category.name, category.source).inc()
        self.ranking_photos.observe(photos)

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
