"""Load the service by a profile, report, and exit with 1 where a service level is missed.

    python loadtest/run.py smoke                      50 s at 1 request/s: all answered, and soon
    python loadtest/run.py step                       rising rates: finds the knee
    python loadtest/run.py spike                      3 times the knee of that report (or of --rate)
    python loadtest/run.py soak --duration 600        one rate for long: memory, open files, threads
    python loadtest/run.py step --again               the report once more, from what was measured before

Starts a service of its own on a free port with the environment's settings; needs Linux for its memory and threads.
Photos come from IDIFF_DATA, else they are the bundled pair enlarged. Profiles and service levels: profiles.toml.
"""

import argparse
import shlex
import sys
from collections.abc import Sequence
from pathlib import Path

from idiff_load.profiles import load


def arguments() -> argparse.ArgumentParser:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("profile", choices=load(), help="what to send")
    parser.add_argument(
        "--rate",
        type=_positive,
        help="requests per second: the rate (smoke, soak), the highest one tried (step), the knee (spike)",
    )
    parser.add_argument("--duration", type=_positive, help="seconds of each phase")
    parser.add_argument("--url", help="a running service, instead of one of its own")
    parser.add_argument("--out", type=Path, help="folder of the report; default .work/loadtest/PROFILE")
    parser.add_argument(
        "--rationale", choices=("measured", "auto", "none"), default="measured", help="to ask for; default: %(default)s"
    )
    parser.add_argument("--seed", type=int, default=1, help="of the arrivals; default: %(default)s")
    parser.add_argument("--again", action="store_true", help="report on the run that is in the folder; sends nothing")
    return parser


def main(words: Sequence[str] | None = None) -> int:
    """0 where every service level is met, 1 where one is missed."""
    parser = arguments()
    given = parser.parse_args(words)
    out: Path = given.out or Path(".work/loadtest") / given.profile
    try:
        profile = load()[given.profile].changed(given.rate, given.duration)
    except ValueError as error:
        parser.error(str(error))
    if not given.again:
        # Before all that uses sockets: it makes them gevent's.
        try:
            from idiff_load import measure
        except ModuleNotFoundError as error:
            parser.error(f"{error}: `make loadtest` sets up an environment that has it")
    from idiff_load import report
    from idiff_load.records import Run

    if given.again:
        run = Run.load(out)
    else:
        knee = None
        if profile.needs_knee:
            knee = given.rate or report.known_knee(out.parent / "step")
            if knee is None:
                parser.error(f"no knee in {out.parent / 'step'}: run the step profile before, or name it by --rate")
        out.mkdir(parents=True, exist_ok=True)
        command = f"python loadtest/run.py {shlex.join(sys.argv[1:])}"
        wanted = measure.Wanted(given.profile, profile, out, command, given.url, knee, given.rationale, given.seed)
        run = measure.measure(wanted)
        run.save(out)
    findings = report.write(run, profile, out)
    print("\n".join(map(str, findings)))
    print(f"{out / 'report.md'}")
    return 0 if all(found.met for found in findings) else 1


def _positive(text: str) -> float:
    value = float(text)
    if value <= 0:
        raise argparse.ArgumentTypeError("must be above 0")
    return value


if __name__ == "__main__":
    sys.exit(main())
