"""What rules and dashboard ask of Prometheus."""

import json
import re
from collections.abc import Iterator
from typing import Any

import yaml
from conftest import ROOT

MONITORING = ROOT / "deploy" / "monitoring"
VLLM = [ROOT / "tests" / "data" / f"vllm_metrics_{when}.txt" for when in ("before", "after")]
"""What a real vLLM says at `/metrics`, of what is asked here: `tests/monitoring/capture_vllm.py` wrote it."""

RULES: list[dict[str, Any]] = [
    rule for group in yaml.safe_load((MONITORING / "rules.yaml").read_text())["groups"] for rule in group["rules"]
]
ALERTS = {rule["alert"]: rule for rule in RULES if "alert" in rule}
DASHBOARD: dict[str, Any] = json.loads((MONITORING / "dashboard.json").read_text())


def queries() -> Iterator[tuple[str, str]]:
    """Every expression of the dashboard with its panel's title."""
    for panel in DASHBOARD["panels"]:
        for target in panel.get("targets", ()):
            yield panel["title"], target["expr"]


def variables() -> Iterator[tuple[str, str]]:
    """Selector and label of every variable that is filled from Prometheus."""
    for variable in DASHBOARD["templating"]["list"]:
        if variable["type"] == "query":
            found = re.fullmatch(r"label_values\((.+), (\w+)\)", variable["query"]["query"])
            assert found, variable
            yield found[1], found[2]


def expressions() -> list[str]:
    """All of the rules and of the dashboard."""
    asked = [selector for selector, _ in variables()]
    return [*(rule["expr"] for rule in RULES), *(expression for _, expression in queries()), *asked]


def names(expression: str) -> set[str]:
    """The metrics that a PromQL expression names."""
    bare = re.sub(r'"[^"]*"', " ", expression)
    bare = re.sub(r"\{[^}]*\}|\[[^\]]*\]", " ", bare)
    bare = re.sub(r"\b(by|on|ignoring|group_left)\s*\([^)]*\)", " ", bare)
    return set(re.findall(r"[A-Za-z_:][\w:]*+(?!\s*\()", bare)) - {"and", "or"}


def exposed(text: str) -> set[str]:
    """Names of the samples in Prometheus' text format."""
    return set(re.findall(r"^([A-Za-z_:][\w:]*)", text, re.MULTILINE))
