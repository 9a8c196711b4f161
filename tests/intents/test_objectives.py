"""Expectations about metrics in intent files: what is written, what is refused, what an editor is told."""

from __future__ import annotations

import pytest

from intents.load import load
from intents.schema import intent_schema

HEAD = """apiVersion: intentd.io/v1alpha1
kind: Intent
metadata: {name: web}
spec:
  scope: {namespace: shop%s}
  expectations:
    - %s
"""


def problems(expectation: str, scope: str = "") -> list[tuple[str, str, str]]:
    loaded = load("web.yaml", HEAD % (scope, expectation))
    return [(problem.field, problem.message, problem.remedy) for problem in loaded.problems]


@pytest.mark.parametrize(
    "expectation",
    [
        "{type: slo, objective: 99.9, total: 'http_requests_total{job=\"web\"}'}",
        "{type: slo, objective: 99, total: a, errors: 'b{code=~\"5..|429\"}', period: 28d, summary: s}",
        "{type: errorRate, total: requests_total}",
        "{type: errorRate, total: requests_total, atMost: 0, window: 10m, for: 0s, by: [pod, namespace]}",
        "{type: latency, histogram: h_seconds_bucket, atMost: 1}",
        "{type: queueLag, depth: q, atMost: 100}",
        "{type: targetsUp}",
        "{type: targetsUp, targets: 'up{job=\"web\"}', atLeast: 3}",
        "{type: cpuThrottling}",
        "{type: memoryNearLimit, atMost: 0.8}",
        "{type: memoryLeak, within: 1d}",
        "{type: volumeFilling}",
        "{type: certificateExpiry, atLeast: 7d}",
    ],
)
def test_it_is_loaded_as_it_is_documented(expectation: str) -> None:
    assert problems(expectation) == []


@pytest.mark.parametrize(
    ("expectation", "field", "says"),
    [
        ("{type: slo, objective: 100, total: a}", "objective", "less than 100"),
        ("{type: slo, objective: 99.9, total: a, period: 1d}", "", "the period is shorter than 7d"),
        ("{type: errorRate, total: 'rate(a[5m])'}", "total", "is no series selector"),
        ("{type: errorRate, total: a, by: [le]}", "by[0]", "cannot be grouped by"),
        ("{type: errorRate, total: a, atMost: 5}", "atMost", "less than 1"),
        ("{type: latency, histogram: h_seconds_sum, atMost: 1}", "", "needs the buckets"),
        ("{type: memoryLeak, window: 0s}", "window", "no span of time"),
        ("{type: targetsUp, targets: 'down{}'}", "", "series of the metric up"),
    ],
)
def test_what_could_never_be_asked_is_refused_with_a_remedy(expectation: str, field: str, says: str) -> None:
    ((place, message, remedy),) = problems(expectation)
    assert place == "spec.expectations[0]" + (f".{field}" if field else "")
    assert says in message
    assert remedy


def test_containers_of_a_service_are_refused() -> None:
    ((place, message, _),) = problems("{type: cpuThrottling}", ", kind: Service")
    assert place == "spec.expectations[0].type"
    assert "about workloads" in message


def test_claims_of_a_deployment_have_to_be_named() -> None:
    named = ", kind: Deployment, name: web"
    ((_, _, remedy),) = problems("{type: volumeFilling}", named)
    assert "claim" in remedy
    assert problems("{type: volumeFilling, claim: web-data}", named) == []
    assert problems("{type: volumeFilling}", ", kind: StatefulSet, name: db") == []


def test_the_schema_tells_an_editor_of_every_type_and_its_defaults() -> None:
    parts = intent_schema()["$defs"]
    for name in (
        *("SLO", "ErrorRate", "Latency", "QueueLag", "TargetsUp", "CPUThrottling", "MemoryNearLimit"),
        *("MemoryLeak", "VolumeFilling", "CertificateExpiry"),
    ):
        assert parts[name]["description"], name
    assert parts["CPUThrottling"]["properties"]["atMost"]["default"] == 0.25
    assert "for" in parts["Latency"]["properties"]
