"""`report.md` and `report.json` of a run."""

import json
from dataclasses import asdict
from pathlib import Path
from typing import Final

from idiff_load import markdown, plots, slo, summary
from idiff_load.profiles import Profile
from idiff_load.records import Run

JSON: Final = "report.json"


def write(run: Run, profile: Profile, folder: Path) -> list[slo.Finding]:
    """Write the report into `folder`; what its service levels came to."""
    told = summary.phases(run.phases, run.replies, run.samples)
    measures = summary.measures(run)
    findings = slo.check(profile.slo, measures)
    pictures = plots.draw(run, told, folder)
    (folder / "report.md").write_text(markdown.render(run, profile, told, findings, pictures))
    record = {
        "profile": run.profile,
        "facts": asdict(run.facts),
        "slo": [finding.bound.model_dump() | {"value": finding.value, "met": finding.met} for finding in findings],
        "knee": run.knee,
        "phases": [asdict(phase) for phase in told],
        "measures": measures,
    }
    (folder / JSON).write_text(json.dumps(record, indent=1, allow_nan=False))
    return findings


def known_knee(folder: Path) -> float | None:
    """The knee that the report in `folder` has; None without a report or a knee."""
    file = folder / JSON
    return json.loads(file.read_text())["knee"] if file.is_file() else None
