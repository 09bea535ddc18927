"""Hold a machine with a card to the service's goals: provider, canary, latency, throughput, memory and soak.

    python loadtest/acceptance.py                      what `make gpu-acceptance` does, by loadtest/acceptance.toml
    python loadtest/acceptance.py --plan mine.toml     other loads, other goals, another card

Runs the repository's own commands with the environment's settings (IDIFF_*), against a vLLM server that runs already.
Writes report.md and report.json; exits with 0 where every goal is met, 1 where one is missed, 2 where it cannot begin.
"""

import argparse
import os
import sys
from collections.abc import Sequence
from contextlib import nullcontext
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path

from pydantic import ValidationError

from idiff.config import Settings
from idiff_load import slo
from idiff_load.acceptance import card, checks
from idiff_load.acceptance.plan import FILE, Plan
from idiff_load.acceptance.report import Acceptance
from idiff_models.bench.hardware import hardware


def main(words: Sequence[str] | None = None) -> int:
    """The exit code."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--plan", type=Path, default=FILE, help="what to run and demand; default: %(default)s")
    parser.add_argument("--out", type=Path, default=Path(".work/acceptance"), help="folder of the report")
    given = parser.parse_args(words)
    try:
        plan, settings = Plan.read(given.plan), Settings()
        _complete(plan, settings)
        found = card.find(plan.card) if plan.card else None
    except (OSError, ValidationError, ValueError, card.CardMissing) as error:
        print(f"acceptance: {error}", file=sys.stderr)
        return 2
    given.out.mkdir(parents=True, exist_ok=True)
    started, machine = datetime.now(UTC).isoformat(timespec="seconds"), hardware()
    done: list[checks.Check] = []
    with card.watching() if found else nullcontext(card.Memory()) as memory:
        for check in checks.run(plan, settings, given.out):
            print(f"{check.name}: exit {check.code} after {check.end - check.start:.0f} s", flush=True)
            done.append(check)
    measures = {name: value for check in done for name, value in check.measures.items()}
    measures["card.used_gib"] = memory.most
    measures["card.growth"] = next((memory.growth(one.start, one.end) for one in done if one.name == "soak"), None)
    accepted = Acceptance(started, asdict(machine), found, _told(), done, measures, slo.check(plan.goals, measures))
    accepted.write(given.out)
    print("\n".join(map(str, accepted.findings)))
    print(given.out / "report.md")
    return 0 if accepted.passed else 1


def _complete(plan: Plan, settings: Settings) -> None:
    """Raises ValueError where the settings leave out what is to be measured."""
    if plan.card and settings.provider not in ("cuda", "tensorrt"):
        raise ValueError(f"IDIFF_PROVIDER={settings.provider} leaves the card idle: cuda or tensorrt")
    if settings.thinking_url is None:
        raise ValueError("IDIFF_THINKING_URL names no vLLM server: deploy/vllm/serve.sh starts one")
    if settings.thinking_canary is None:
        raise ValueError("IDIFF_THINKING_CANARY names no canary.json: without it nothing proves the adapter")


def _told() -> dict[str, str]:
    return {
        name: value for name, value in sorted(os.environ.items()) if name.startswith("IDIFF_") and "KEY" not in name
    }


if __name__ == "__main__":
    sys.exit(main())
