"""Training of the starter's members: one process a run, each with a run file that anyone can repeat it from."""

import subprocess
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from idiff_models.answer.starter import Plan, Run
from idiff_models.answer.training import RunError
from idiff_models.answer.training.launch import command, environment


def write_run(run: Run) -> Path:
    """`run.toml` in the run's folder: every setting that is not the trainer's default."""
    run.folder.mkdir(parents=True, exist_ok=True)
    path = run.folder / "run.toml"
    values = run.config.model_dump(mode="json", exclude_unset=True, exclude_none=True)
    path.write_text("".join(f"{key} = {_toml(value)}\n" for key, value in values.items()))
    return path


def _toml(value: object) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    return f'"{value}"' if isinstance(value, str) else str(value)


def train_run(run: Run) -> None:
    """One run; kept where it is finished, continued where it stopped.

    Raises RunError where it fails, with the last line of its log.
    """
    if (run.folder / "member.pt").exists():
        return
    line = command(write_run(run), resume=True, out=run.folder)
    path = run.folder / "train.log"
    with path.open("w") as log:
        done = subprocess.run(line, check=False, env=environment(), stdout=log, stderr=log)  # noqa: S603
    if done.returncode:
        last = path.read_text(errors="replace").strip().splitlines()[-1:]
        raise RunError(f"{run.folder.name}: {''.join(last)[-300:]} (all of it in {path})")


def train_family(family: str, plan: Plan, work: Path) -> None:
    """Every run of a family, one after the other."""
    for run in plan.runs(work, family):
        train_run(run)


def train_all(plan: Plan, work: Path, workers: int, families: Sequence[str]) -> None:
    """Every run of `families`, `workers` of them at a time."""
    with ThreadPoolExecutor(workers) as pool:
        for done in [pool.submit(train_family, family, plan, work) for family in families]:
            done.result()
