"""Rules, their tests and the dashboard, without a Prometheus: they ask for what there is, and nothing is untested."""

import re

import pytest
import yaml
from conftest import ROOT
from fastapi.testclient import TestClient
from monitoring_support import ALERTS, DASHBOARD, MONITORING, RULES, VLLM, exposed, expressions, names
from prometheus_client import Histogram
from prometheus_client.metrics_core import Metric
from prometheus_client.parser import text_string_to_metric_families

from idiff.metrics import Metrics

SUFFIXES = {"counter": ("_total",), "histogram": ("_bucket", "_sum", "_count"), "gauge": ("",), "unknown": ("",)}


def samples(family: Metric) -> set[str]:
    """Names that the samples of a family have, also where it has none yet."""
    return {family.name + suffix for suffix in SUFFIXES[family.type]}


def test_every_metric_that_is_asked_for_exists(client: TestClient) -> None:
    families = text_string_to_metric_families(client.get("/metrics").text)
    gateway = set().union(*map(samples, families))
    recorded = {rule["record"] for rule in RULES if "record" in rule}
    asked = set().union(*map(names, expressions()))
    assert asked - gateway - recorded - exposed(VLLM[0].read_text()) == {"up", "ALERTS"}
    assert recorded <= asked


def test_objectives_are_edges_of_their_histograms() -> None:
    histograms = {name: metric for name, metric in vars(Metrics()).items() if isinstance(metric, Histogram)}
    edges = {f"{metric._name}_bucket": {str(edge) for edge in metric._upper_bounds} for metric in histograms.values()}
    asked = {
        (name, edge)
        for expression in expressions()
        for name, edge in re.findall(r'(\w+_bucket)\{[^}]*\ble="([^"]+)"', expression)
    }
    assert {name for name, _ in asked} == {
        "idiff_verdict_seconds_bucket",
        "idiff_stage_seconds_bucket",
        "idiff_refusal_seconds_bucket",
    }
    assert [(name, edge) for name, edge in asked if edge not in edges[name]] == []


@pytest.mark.parametrize("alert", ALERTS)
def test_an_alert_says_what_is_the_matter_and_where_to_read_on(alert: str) -> None:
    rule = ALERTS[alert]
    assert rule["labels"]["severity"] in ("page", "ticket")
    assert rule["annotations"].keys() == {"summary", "description", "runbook_url"}
    document, anchor = rule["annotations"]["runbook_url"].split("#")
    headings = re.findall(r"^#+ (.+)$", (ROOT / document).read_text(), re.MULTILINE)
    assert anchor in {re.sub(r"[^\w -]", "", heading).lower().replace(" ", "-") for heading in headings}


def test_every_alert_is_tested_to_fire_and_to_stay_silent() -> None:
    tests = yaml.safe_load((MONITORING / "rules_test.yaml").read_text())["tests"]
    firing = [case for test in tests for case in test["promql_expr_test"] if "ALERTS" in case["expr"]]
    fired = {
        found[1]
        for case in firing
        for sample in case["exp_samples"]
        if (found := re.search(r'alertname="(\w+)"', sample["labels"]))
    }
    assert fired == set(ALERTS)
    sound = tests[0]
    assert all(case["exp_samples"] == [] for case in sound["promql_expr_test"] if "ALERTS" in case["expr"])
    given = {re.split(r"\{", series["series"])[0] for series in sound["input_series"]}
    recorded = {rule["record"]: names(rule["expr"]) for rule in RULES if "record" in rule}

    def needed(name: str) -> set[str]:
        return set().union(*map(needed, recorded[name])) if name in recorded else {name}

    assert given >= {name for rule in ALERTS.values() for asked in names(rule["expr"]) for name in needed(asked)}


def test_panels_have_units_and_share_one_datasource() -> None:
    panels = [panel for panel in DASHBOARD["panels"] if panel["type"] != "row"]
    assert {panel["datasource"]["uid"] for panel in panels} == {"${datasource}"}
    assert all(panel["fieldConfig"]["defaults"]["unit"] for panel in panels)
    assert len({panel["id"] for panel in DASHBOARD["panels"]}) == len(DASHBOARD["panels"])
    cells = [
        (x, y)
        for panel in DASHBOARD["panels"]
        for at in [panel["gridPos"]]
        for x in range(at["x"], at["x"] + at["w"])
        for y in range(at["y"], at["y"] + at["h"])
    ]
    assert len(cells) == len(set(cells))
    assert max(x for x, _ in cells) < 24
