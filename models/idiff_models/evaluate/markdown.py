"""`report.md` and `report.json` of `idiff evaluate`."""

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from idiff.answer.manifest import Manifest
from idiff.intervals import Share
from idiff_models.evaluate.pairwise import PairJudged
from idiff_models.evaluate.summary import SimpleJudge, Summary


@dataclass(frozen=True)
class Subject:
    """What was evaluated: the set's name, the release, and the command."""

    data: str
    manifest: Manifest
    command: str


def table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """A Markdown table; bars within cells are escaped."""
    lines = [head, ["---"] * len(head), *([cell.replace("|", "\\|") for cell in row] for row in rows)]
    return "\n".join(f"| {' | '.join(cells)} |" for cells in lines)


def to_markdown(summary: Summary, subject: Subject) -> str:
    """The report for people."""
    s, manifest = summary, subject.manifest
    parts = [
        f"# {manifest.version} on {subject.data}",
        f"`{subject.command}`",
        f"{s.pairs} pairs whose label prefers one photo; beside them {s.equal} labelled equal, {s.unlabelled} "
        f"unlabelled, {len(s.failed)} that could not be judged. Shares right are in % with 95 % Wilson intervals; an "
        "exact tie counts half.",
        _main(s),
        "![Reliability diagram](reliability.png) ![Risk-coverage curve](risk_coverage.png)",
        "## By category and by kind",
        table(("category", "pairs", "right"), shares(s.by_category)),
        table(("kind", "pairs", "right"), [*shares(s.by_kind), ("**average over kinds**", "", percent(s.average))]),
        "## Members and rules",
        "A member is counted on the pairs of its own category. The ensemble under each rule; the release uses "
        f"**{manifest.rule}**. The weighted rule takes the release's weights, and equals the mean where all are 1.",
        table(("member", "pairs", "right"), shares(s.by_member)),
        table(("rule", "pairs", "right"), shares(s.by_rule)),
        "## Confusion with confidence",
        table(
            ("confidence", "label", "says A", "says B", "too close"),
            [
                (f"{100 * c.low:.0f}-{100 * c.high:.0f} %", c.label, str(c.a), str(c.b), str(c.too_close))
                for c in s.confusion
            ],
        ),
        "## Swap consistency",
        _swap(s),
        "## Simple judges on the same pairs",
        "Each decides alone by the sign of A minus B, in a direction that is fixed, not fitted to these pairs. "
        "`crop.` is the view at native resolution, `global.` the whole photo.",
        _simple(s, manifest.version),
    ]
    if s.failed:
        parts += ["## Not judged", table(("pair", "why"), list(s.failed.items()))]
    return "\n\n".join(parts) + "\n"


def headline(summary: Summary, subject: Subject, out: Path) -> str:
    """The figures in a few lines, for a terminal."""
    s = summary
    lines = [
        f"{subject.manifest.version} on {subject.data}: {s.pairs} pairs, {len(s.failed)} not judged",
        f"right {s.overall}; average over {len(s.by_kind)} kinds {percent(s.average)}",
        f"accepted {percent(s.coverage)}" + (f", right of these {s.accepted}" if s.accepted.pairs else ""),
        f"ECE {s.ece:.3f}, Brier {s.brier:.3f}; {s.swapped.exact} of {s.swapped.pairs} mirror exactly when swapped",
    ]
    if s.simple:
        best = s.simple[0]
        lines.append(f"best simple judge {best.name}: {best.overall}; average over kinds {percent(best.average)}")
    return "\n".join([*lines, f"reports in {out}"])


def to_json(summary: Summary, subject: Subject, rows: Sequence[PairJudged]) -> str:
    """The report for programs: every figure and every pair; what is unknown is null."""
    record = {
        "data": subject.data,
        "release": subject.manifest.version,
        "rule": subject.manifest.rule,
        "command": subject.command,
        "summary": _plain(summary),
        "pairs": [_plain(row) for row in rows],
    }
    return json.dumps(record, indent=1, allow_nan=False)


def _main(s: Summary) -> str:
    rows = [
        ("right, all pairs", str(s.overall)),
        ("right, average over kinds", percent(s.average)),
        ("right, of the accepted (not too close)", str(s.accepted) if s.accepted.pairs else "none"),
        ("accepted", f"{percent(s.coverage)} ({s.accepted.pairs} of {s.pairs})"),
        ("expected calibration error, 15 bins", f"{s.ece:.3f}"),
        ("Brier score", f"{s.brier:.3f}"),
        ("area under the risk-coverage curve", f"{s.risk_area:.3f}"),
    ]
    if s.equal_too_close.pairs:
        rows.append(("labelled equal and called too close", str(s.equal_too_close)))
    return table(("measure", "value"), rows)


def _swap(s: Summary) -> str:
    swapped = s.swapped
    if not swapped.pairs:
        return "Not measured."
    text = (
        f"{swapped.exact} of {swapped.pairs} pairs mirror exactly when their photos are exchanged: the logit negates "
        f"to the last bit, category and crops stay. Largest error of the logit: {swapped.worst:.2g}."
    )
    lines = [f"- {name} changed: {', '.join(pairs)}" for name, pairs in swapped.changed.items()]
    return "\n".join([text, "", *lines]) if lines else text


def _simple(s: Summary, version: str) -> str:
    kinds = list(s.by_kind)

    def row(
        name: str, better: str, overall: Share, average: float, by_kind: Mapping[str, Share], same: str = ""
    ) -> list[str]:
        cells = [percent(by_kind[kind].value) if kind in by_kind else "" for kind in kinds]
        return [name, better, str(overall.pairs), str(overall), same, percent(average), *cells]

    def single(judge: SimpleJudge) -> list[str]:
        better = "higher" if judge.higher else "lower"
        return row(judge.name, better, judge.overall, judge.average, judge.by_kind, percent(judge.release.value))

    release = row(f"**{version}**", "", s.overall, s.average, s.by_kind)
    head = ("judge", "better", "pairs", "right", "release on these", "average over kinds", *kinds)
    return table(head, [release, *(single(judge) for judge in s.simple)])


def shares(named: Mapping[str, Share]) -> list[tuple[str, str, str]]:
    """Rows of a table: name, pairs, share with its interval."""
    return [(name, str(part.pairs), str(part)) for name, part in named.items()]


def percent(value: float) -> str:
    """A share, 0-1, with one decimal."""
    return f"{100 * value:.1f} %"


def _plain(value: object) -> Any:  # noqa: ANN401
    """Dataclasses as dicts, shares with their value and interval, and None for nan."""
    if isinstance(value, Share):
        return {"right": value.right, "pairs": value.pairs, "value": _plain(value.value), "interval": value.wilson()}
    if isinstance(value, Mapping):
        return {str(key): _plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    if hasattr(value, "__dataclass_fields__"):
        return {name: _plain(getattr(value, name)) for name in value.__dataclass_fields__}
    return None if isinstance(value, float) and math.isnan(value) else value
