"""Each alert asks for metrics that intentd really exposes, and a real Prometheus takes the rules."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
import yaml

from daemon.telemetry import Telemetry
from tests.fakes.clock import FakeClock

RULES = Path(__file__).parents[2] / "deploy" / "prometheus" / "rules.yaml"


def rules() -> list[dict[str, str]]:
    return [rule for group in yaml.safe_load(RULES.read_text())["groups"] for rule in group["rules"]]


def exposed() -> dict[str, tuple[str, ...]]:
    """Every series name of /metrics with its label names, as Prometheus sees them."""
    found: dict[str, tuple[str, ...]] = {}
    telemetry = Telemetry(FakeClock())
    for metric in vars(telemetry).values():
        if not hasattr(metric, "_labelnames"):
            continue
        for described in metric.describe():
            suffixes = {"counter": ("_total",), "histogram": ("_bucket", "_sum", "_count")}.get(
                described.type, ("",)
            )
            for suffix in suffixes:
                labels = (*metric._labelnames, *(("le",) if suffix == "_bucket" else ()))
                found[described.name + suffix] = labels
    return found


def test_every_metric_of_every_alert_is_exposed() -> None:
    known = exposed()
    for rule in rules():
        names = set(re.findall(r"\bintentd_\w+", rule["expr"]))
        assert names, rule["alert"]
        assert names <= known.keys(), rule["alert"]


def test_every_label_that_an_alert_groups_by_or_prints_exists() -> None:
    known = exposed()
    for rule in rules():
        (name,) = set(re.findall(r"\bintentd_\w+", rule["expr"]))
        grouped = {
            label for part in re.findall(r"by \(([^)]*)\)", rule["expr"]) for label in part.split(", ")
        }
        printed = set(re.findall(r"\$labels\.(\w+)", yaml.safe_dump(rule)))
        assert grouped | printed <= set(known[name]), rule["alert"]


def test_every_alert_says_what_is_wrong_and_what_to_do() -> None:
    for rule in rules():
        assert rule["labels"]["severity"] in {"critical", "warning", "info"}
        assert rule["annotations"]["summary"]
        assert rule["annotations"]["remedy"]


@pytest.mark.prometheus
def test_prometheus_evaluates_every_expression(prometheus_url: str) -> None:
    import requests

    for rule in rules():
        answer = requests.get(f"{prometheus_url}/api/v1/query", params={"query": rule["expr"]}, timeout=10)
        assert answer.json()["status"] == "success", rule["alert"]
