"""Training of the starter's members: one process a run, each with a run file that anyone can repeat it from."""

import subprocess
from collections.abc import Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from pathlib import Path
from threading import Event

from tqdm import tqdm

from idiff_models.answer.starter import Plan, Run
from idiff_models.answer.training import RunConfig, RunError, checkpoint
from idiff_models.answer.training.launch import command, environment


def write_run(run: Run) -> Path:
    """`run.toml` in the run's folder: every setting that is not the trainer's default."""
    run.folder.mkdir(parents=True, exist_ok=True)
    path = run.folder / "run.toml"
    path.write_text(toml(run.config))
    return path


def toml(config: RunConfig) -> str:
    """A run file."""
    values = config.model_dump(mode="json", exclude_unset=True, exclude_none=True)
    return "".join(f"{key} = {_value(value)}\n" for key, value in values.items())


def _value(value: object) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    return f'"{value}"' if isinstance(value, str) else str(value)


def train_run(run: Run) -> None:
    """One run; kept where it is finished, continued where it stopped.

    Raises RunError where it fails, with the last line of its log, or where what is finished is of another plan.
    """
    member = run.folder / checkpoint.MEMBER
    if member.exists():
        checkpoint.same(checkpoint.read(member, ("config",))["config"], run.config, member)
        return
    line = command(write_run(run), resume=True, out=run.folder)
    path = run.folder / "train.log"
    with path.open("w") as log:
        done = subprocess.run(line, check=False, env=environment(), stdout=log, stderr=log)  # noqa: S603
    if done.returncode:
        last = path.read_text(errors="replace").strip().splitlines()[-1:]
        raise RunError(f"{run.folder.name}: {''.join(last)[-300:]} (all of it in {path})")


def train_runs(chains: Sequence[Iterable[Run]], workers: int) -> None:
    """Every run, `workers` chains at a time, the runs of a chain one after the other; a bar counts the finished ones.

    A chain makes its next run when the one before is done. Each run has a bar of its own in `train.log` in its folder.

    Raises RunError for the first run that fails; those beside it are finished, and no other is begun.
    """
    failed = Event()

    def train(chain: Iterable[Run]) -> None:
        for run in chain:
            if failed.is_set():
                return
            try:
                train_run(run)
            except BaseException:
                failed.set()
                raise
            bar.update()

    with tqdm(desc="train", unit="run") as bar, ThreadPoolExecutor(workers) as pool:
        for done in as_completed([pool.submit(train, chain) for chain in chains]):
            done.result()


def train_all(plan: Plan, work: Path, workers: int, families: Sequence[str]) -> None:
    """Every run of `families`, `workers` of them at a time."""
    train_runs([plan.runs(work, family) for family in families], workers)
