"""One evaluation from file to files."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from idiff.answer.release import load
from idiff.config import Settings
from idiff_models.evaluate.gallery import write_gallery
from idiff_models.evaluate.judges import INSTALL, JUDGES, available
from idiff_models.evaluate.markdown import Subject, to_json, to_markdown
from idiff_models.evaluate.pairwise import PairJudged, judge_pairs
from idiff_models.evaluate.plots import reliability_plot, risk_coverage_plot
from idiff_models.evaluate.summary import Summary, arrays, decided, summarise
from idiff_models.pairs import read_pairs


class NothingToMeasure(ValueError):
    """No pair has a label that prefers one photo, or none could be judged."""


@dataclass(frozen=True)
class Evaluated:
    """What an evaluation found; `report_json` is the text of report.json."""

    rows: Sequence[PairJudged]
    summary: Summary
    subject: Subject
    report_json: str


def chosen_judges(wanted: str) -> tuple[str, ...]:
    """Judges by the option's text: `auto` are those installed, `none`, else names with commas.

    Raises:
        ImportError: one is not known or not installed.
    """
    if wanted in ("auto", "none"):
        return available() if wanted == "auto" else ()
    names = tuple(name.strip().lower() for name in wanted.split(","))
    for name in names:
        if name not in JUDGES:
            raise ImportError(f"no judge is called {name[:40]!r}; known are {', '.join(JUDGES)}")
        if name not in available():
            raise ImportError(f"the judge {name} is not installed. Run: {INSTALL[name]}")
    return names


def evaluate(
    path: Path,
    out: Path,
    release: Path | None = None,
    root: Path | None = None,
    judges: Sequence[str] = (),
    cases: int = 6,
    workers: int = 1,
    command: str = "",
) -> Evaluated:
    """Judge the pairs of `path` and write report.md, report.json, the two plots and the gallery into `out`.

    `cases`: most of a section of the gallery; 0 writes none.

    Raises:
        PairsError: the file is no list of pairs. ReleaseRefused: the release cannot be served. NothingToMeasure.
    """
    pairs = read_pairs(path, root)
    if all(pair.target in (None, 0.5) for pair in pairs):
        raise NothingToMeasure(f"{path}: no pair has a label that prefers one photo")
    folder = release or Settings().release_folder
    manifest = load(folder).manifest
    rows = judge_pairs(pairs, folder, workers, judges=judges)
    if not decided(rows):
        first = next(row for row in rows if row.error is not None)
        raise NothingToMeasure(f"{path}: none of the labelled pairs could be judged; {first.name}: {first.error}")
    summary = summarise(rows, {member.name: member.weight for member in manifest.members})
    subject = Subject(path.name, manifest, command)
    report = to_json(summary, subject, rows)
    out.mkdir(parents=True, exist_ok=True)
    (out / "report.json").write_text(report, encoding="utf-8")
    (out / "report.md").write_text(to_markdown(summary, subject), encoding="utf-8")
    probabilities, outcomes = arrays(rows)
    reliability_plot(probabilities, outcomes, out / "reliability.png")
    accepted = (summary.coverage, 1 - summary.accepted.value) if summary.accepted.pairs else None
    risk_coverage_plot(probabilities, outcomes, out / "risk_coverage.png", accepted=accepted)
    if cases:
        write_gallery(pairs, rows, folder, out / "gallery.html", f"{manifest.version} on {path.name}", cases)
    return Evaluated(rows, summary, subject, report)
