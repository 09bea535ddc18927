"""A training process: `python -m idiff_models.answer.fit RUN.toml`, or the same under torchrun for several GPUs."""

import argparse
import os
import sys
from pathlib import Path

from idiff_models.answer.training import RunConfig, RunError, fit

RUNS = Path(".work/answer/runs")


def folder_of(path: Path, out: Path | None) -> Path:
    """Where a run file's results go: `out`, else a folder of its name."""
    return out or RUNS / path.stem


def main() -> int:
    """0, or 2 with one line on standard error where the run cannot be done as configured."""
    parser = argparse.ArgumentParser(prog="python -m idiff_models.answer.fit", description=__doc__)
    parser.add_argument("run", type=Path)
    parser.add_argument("--resume", action="store_true", help="go on from the folder's last checkpoint")
    parser.add_argument("--out", type=Path, help=f"the run's folder; default {RUNS}/<name of RUN>")
    given = parser.parse_args()
    try:
        config, folder = RunConfig.read(given.run), folder_of(given.run, given.out)
        scored = fit(config, folder, given.resume)
    except RunError as error:
        # A library's own words may run over several lines.
        print("idiff:", *str(error).split(), file=sys.stderr)
        return 2
    if os.environ.get("RANK", "0") == "0":
        print(f"{folder / 'member.pt'}: validation accuracy {scored:.3f}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
