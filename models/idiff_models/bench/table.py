"""A measurement as a Markdown report and as JSON."""

import json
from dataclasses import asdict

from idiff_models.bench.answer import Bench

HEAD = ("member", "backbone", "precision", "batch", "p50 ms", "p95 ms", "pairs/s", "core-ms a pair")


def as_json(bench: Bench) -> str:
    """Every figure, names as in `Bench`."""
    return json.dumps(asdict(bench), indent=2)


def as_markdown(bench: Bench) -> str:
    """What was measured on what, then one line a member, ensemble and batch."""
    machine = bench.hardware
    loaded = "not known" if bench.loaded_mb is None else f"{bench.loaded_mb:.0f} MB"
    load = "" if machine.load is None else f", load {machine.load} before"
    facts = [
        f"Release {bench.release} on {bench.provider}, {machine.onnxruntime}, {bench.threads} threads",
        f"CPU: {machine.cpu}, {machine.cores} cores{load}; GPU: {machine.gpu or 'none'}; {machine.system}",
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
    lines = [HEAD, *[("---", "---", "---", "---:", "---:", "---:", "---:", "---:")], *rows]
    table = "\n".join(f"| {' | '.join(cells)} |" for cells in lines)
    return "\n".join(f"- {fact}" for fact in facts) + "\n\n" + table
