"""What Prometheus is asked for each expectation: the comparisons of all its rules, by their keys."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from detectors.model import expectation_key
from detectors.prometheus import (
    certificate_expiry,
    cpu_throttling,
    error_rate,
    latency,
    memory,
    queue_lag,
    slo,
    targets_up,
    volume_filling,
)
from detectors.prometheus.rules import Build, rule_key, rules_of
from detectors.promql import Comparison, comparison_of, comparison_query
from intents.model import Expectation, Intent, MetricHolds
from intents.objectives import (
    SLO,
    CertificateExpiry,
    CPUThrottling,
    ErrorRate,
    Latency,
    MemoryLeak,
    MemoryNearLimit,
    QueueLag,
    TargetsUp,
    VolumeFilling,
)

RULES: Mapping[type, Build] = {
    SLO: slo.rules,
    ErrorRate: error_rate.rules,
    Latency: latency.rules,
    QueueLag: queue_lag.rules,
    TargetsUp: targets_up.rules,
    CPUThrottling: cpu_throttling.rules,
    MemoryNearLimit: memory.near_limit_rules,
    MemoryLeak: memory.leak_rules,
    VolumeFilling: volume_filling.rules,
    CertificateExpiry: certificate_expiry.rules,
}


def comparisons(intent: Intent, index: int) -> dict[str, Comparison]:
    """The comparisons of one expectation by their keys in `Observation.metrics`; none where it is about no metric."""
    expectation: Expectation = intent.spec.expectations[index]
    if isinstance(expectation, MetricHolds):
        return {expectation_key(intent.name, index): comparison_of(expectation)}
    build = RULES.get(type(expectation))
    if build is None:
        return {}
    return {
        rule_key(intent.name, index, name): rule.comparison
        for name, rule in rules_of(build, expectation, intent.spec.scope).items()
    }


def metric_queries(intents: Iterable[Intent]) -> dict[str, str]:
    """The comparison queries of all expectations about metrics: what the Metrics port is asked."""
    return {
        key: comparison_query(comparison)
        for intent in intents
        for index in range(len(intent.spec.expectations))
        for key, comparison in comparisons(intent, index).items()
    }
