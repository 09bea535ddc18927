"""What the starter's training runs logged, kept beside the release."""

import csv
import tomllib
from dataclasses import dataclass
from pathlib import Path

from idiff_models.answer.release import DOMAINS
from idiff_models.answer.starter import Plan, member_folder

NAME = "training_log.csv"
COLUMNS = ("run", "seed", "step", "loss", "photos_per_s", "validation_accuracy")


@dataclass(frozen=True)
class RunLog:
    """One run: its steps, the smoothed loss after a quarter, half, three quarters and all, how fast, how good."""

    run: str
    seed: str
    steps: int
    losses: tuple[str, ...]
    photos_per_s: float
    accuracy: str


def collect(work: Path, plan: Plan, out: Path) -> None:
    """Write every run's logged steps into one CSV file of the release folder."""
    with (out / NAME).open("w", newline="") as file:
        table = csv.DictWriter(file, COLUMNS, extrasaction="ignore", lineterminator="\n")
        table.writeheader()
        for family in plan.families:
            for domain in (None, *DOMAINS):
                folder = member_folder(work, family, domain)
                seed = tomllib.loads((folder / "run.toml").read_text())["seed"]
                with (folder / "log.csv").open(newline="") as lines:
                    table.writerows({"run": folder.name, "seed": seed, **row} for row in csv.DictReader(lines))


def read(out: Path) -> list[RunLog]:
    """The runs of a release folder, in the order of training."""
    runs: dict[str, list[dict[str, str]]] = {}
    with (out / NAME).open(newline="") as lines:
        for row in csv.DictReader(lines):
            runs.setdefault(row["run"], []).append(row)
    return [_summary(name, rows) for name, rows in runs.items()]


def _summary(name: str, rows: list[dict[str, str]]) -> RunLog:
    last = rows[-1]
    reached = [int(last["step"]) * part / 4 for part in (1, 2, 3, 4)]
    quarters = [min(rows, key=lambda row: abs(int(row["step"]) - step))["loss"] for step in reached]
    speeds = sorted(float(row["photos_per_s"]) for row in rows)
    speed = speeds[len(speeds) // 2]
    return RunLog(name, last["seed"], int(last["step"]), tuple(quarters), speed, last["validation_accuracy"])
