"""`report.md` and `report.json` of an acceptance."""

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Final

from idiff_load.acceptance.card import Card
from idiff_load.acceptance.checks import Check, Measures
from idiff_load.slo import Finding

RESULT: Final = {True: "pass", False: "**FAIL**"}


@dataclass(frozen=True)
class Acceptance:
    """`settings`: the service's own that are not its defaults, without secrets."""

    started: str
    hardware: dict[str, Any]
    card: Card | None
    settings: dict[str, str]
    checks: Sequence[Check]
    measures: Measures
    findings: Sequence[Finding]

    @property
    def passed(self) -> bool:
        """Whether every goal is met."""
        return all(found.met for found in self.findings)

    def write(self, folder: Path) -> None:
        """Both reports."""
        (folder / "report.md").write_text(self.markdown())
        record = {
            "passed": self.passed,
            "started": self.started,
            "hardware": self.hardware,
            "card": self.card and asdict(self.card),
            "settings": self.settings,
            "goals": [found.bound.model_dump() | {"value": found.value, "met": found.met} for found in self.findings],
            "checks": [asdict(check) for check in self.checks],
            "measures": self.measures,
        }
        (folder / "report.json").write_text(json.dumps(record, indent=1, allow_nan=False))

    def markdown(self) -> str:
        """The verdict, the goals, and what was run on what."""
        machine = self.hardware
        card = f"{self.card.name}, {self.card.memory_gib:.1f} GiB, driver {self.card.driver}" if self.card else "none"
        goals = [
            f"| {found.bound.measure} | {found.demand} | {_value(found.value)} | {RESULT[found.met]} |"
            for found in self.findings
        ]
        checks = [
            f"## {check.name}: exit {check.code} after {check.end - check.start:.0f} s\n\n```\n{check.command}\n"
            f"{check.told or _figures(check.measures)}\n```\n"
            for check in self.checks
        ]
        return "\n".join(
            [
                f"# Acceptance: {'passed' if self.passed else 'FAILED'}",
                "",
                f"- {self.started}; {machine['cpu']}, {machine['cores']} cores; {machine['system']}; "
                f"{machine['onnxruntime']}",
                f"- Card: {card}",
                *(f"- {name}={value}" for name, value in self.settings.items()),
                "",
                "| goal | demanded | measured | |",
                "| --- | --- | ---: | --- |",
                *goals,
                "",
                *checks,
            ]
        )


def _figures(measures: Measures) -> str:
    return "\n".join(f"{name} {_value(value)}" for name, value in measures.items())


def _value(value: float | None) -> str:
    return "not measured" if value is None else f"{value:.4g}"
