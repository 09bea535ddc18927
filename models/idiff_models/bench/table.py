"""A measurement as a Markdown report and as JSON."""

import json
from collections.abc import Sequence
from dataclasses import asdict

from idiff_models.bench import answer, rank, thinking
from idiff_models.bench.hardware import Hardware

MEMBERS = ("member", "backbone", "precision", "batch", "p50 ms", "p95 ms", "pairs/s", "core-ms a pair")


RATIONALES = (
    *("view px", "at once", "done", "first token p50 ms", "p95 ms", "whole p50 ms", "p95 ms"),
    *("rationales/s", "tokens", "prompt tokens", "cached"),
)

SETS = (
    *("photos", "pairs", "ranking s", "core-s", "reading, ms a photo", "verdicts ms", "pair by pair s", "core-s"),
    *("times as long", "core-s"),
)


def as_json(bench: answer.Bench | rank.Bench | thinking.Bench) -> str:
    """Every figure, names as in `Bench`."""
    return json.dumps(asdict(bench), indent=2)


def answer_markdown(bench: answer.Bench) -> str:
    """What was measured on what, then one line a member, ensemble and batch."""
    machine = bench.hardware
    loaded = "not known" if bench.loaded_mb is None else f"{bench.loaded_mb:.0f} MB"
    facts = [
        f"Release {bench.release} on {bench.provider}, {machine.onnxruntime}, {bench.threads} threads",
        f"CPU: {_machine(machine)}",
        f"Memory of the loaded release: {loaded}; {bench.repeats} repeats in turns",
    ]
    rows = [
        (
            row.name,
            row.backbone,
            row.precision,
            str(row.batch),
            f"{row.timing.p50_ms:.1f}",
            f"{row.timing.p95_ms:.1f}",
            f"{row.timing.pairs_per_s:.1f}",
            f"{row.timing.core_ms_per_pair:.1f}",
        )
        for row in bench.rows
    ]
    return _report(facts, MEMBERS, rows, 3)


def rank_markdown(bench: rank.Bench) -> str:
    """What was measured on what, how far rankings and comparisons agree, then one line a size of set."""
    agreed = bench.agreement
    facts = [
        f"Release {bench.release}, {bench.threads} threads; photos of {bench.megapixels:g} MP, bursts: {bench.bursts}",
        f"CPU: {_machine(bench.hardware)}",
        f"Verdicts as of POST /compare: {agreed.agreeing} of {agreed.pairs}; of {agreed.sure} that are not too close "
        f"{agreed.sure_agreeing}; mean difference of the probabilities {agreed.difference:.3f}",
    ]
    rows = [
        (
            str(row.photos),
            str(row.pairs),
            f"{row.ranking.wall:.2f}",
            f"{row.ranking.cores:.2f}",
            f"{1000 * row.reading / row.photos:.0f}",
            f"{1000 * row.verdicts:.0f}",
            f"{row.comparing.wall:.2f}",
            f"{row.comparing.cores:.2f}",
            f"{row.comparing.wall / row.ranking.wall:.1f}",
            f"{row.comparing.cores / row.ranking.cores:.1f}",
        )
        for row in bench.rows
    ]
    return _report(facts, SETS, rows, 0)


def thinking_markdown(bench: thinking.Bench) -> str:
    """What was measured on what, then one line a view size and concurrency."""
    facts = [
        f"{bench.model}, at most {bench.max_tokens} tokens a rationale, on {bench.server}",
        f"Asked from: {_machine(bench.hardware)}",
        *(f"{row.side} px, {row.concurrency} at once: failed {row.failed}" for row in bench.rows if row.failed),
    ]
    rows = [
        (
            str(row.side),
            str(row.concurrency),
            f"{row.done} of {row.asked}",
            *map(_known, (row.first_token_p50, row.first_token_p95, row.whole_p50, row.whole_p95)),
            f"{row.rationales_per_s:.2f}",
            f"{row.tokens:.0f}",
            f"{row.prompt_tokens:.0f}",
            f"{100 * row.cached:.0f} %",
        )
        for row in bench.rows
    ]
    return _report(facts, RATIONALES, rows, 0)


def _known(milliseconds: float | None) -> str:
    return "" if milliseconds is None else f"{milliseconds:.0f}"


def _machine(machine: Hardware) -> str:
    load = "" if machine.load is None else f", load {machine.load} before"
    return f"{machine.cpu}, {machine.cores} cores{load}; GPU: {machine.gpu or 'none'}; {machine.system}"


def _report(facts: Sequence[str], head: Sequence[str], rows: Sequence[Sequence[str]], words: int) -> str:
    """`facts` as a list, then the table, whose first `words` columns are words and the others numbers."""
    rule = ["---" if place < words else "---:" for place in range(len(head))]
    table = "\n".join(f"| {' | '.join(cells)} |" for cells in (head, rule, *rows))
    return "\n".join(f"- {fact}" for fact in facts) + "\n\n" + table
