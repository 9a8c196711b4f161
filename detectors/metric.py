"""A PromQL comparison does not hold.

A metric says that something is wrong, not which object: the violation points at a workload only where the
intent's scope names one. Otherwise its target is of kind `Metric`, which no patch can change.
"""

from __future__ import annotations

from collections.abc import Iterator

from detectors.base import NAMED_TARGET, Detector, Finding, View
from detectors.facts import Sample
from detectors.model import (
    FaultClass,
    Gap,
    MetricReading,
    Severity,
    Turn,
    Unknown,
    expectation_key,
)
from detectors.prometheus.places import scope_target
from intents.model import MetricHolds

NAME = "metric"
SHOWN = 3
"""Series named in a message; the count tells of the rest."""


def _judge(view: View) -> Iterator[Finding]:
    expectation = view.expectation
    assert isinstance(expectation, MetricHolds)
    key = expectation_key(view.intent.name, view.index)
    reading = view.world.observation.metrics.get(key)
    if reading is None:
        reading = Gap(f"metric {key}", "NotObserved", "the metric was not asked for", Turn.OURS)
    if isinstance(reading, Gap):
        yield Unknown(view.intent.name, view.index, reading)
        return
    if reading.broken:
        yield _broken(view, expectation, reading)
    elif reading.pending:
        yield view.settling(scope_target(view), f"broken, but not for {expectation.for_} yet")


def _broken(view: View, expectation: MetricHolds, reading: MetricReading) -> Finding:
    worst = reading.broken[:SHOWN]
    values = "; ".join(_text(sample) for sample in worst)
    if len(reading.broken) > len(worst):
        values += f"; {len(reading.broken) - len(worst)} more"
    meaning = (
        expectation.summary or f"{expectation.query} is not {expectation.operator} {expectation.threshold:g}"
    )
    lasted = f" for {expectation.for_}" if expectation.for_ != "0s" else ""
    return view.violation(
        NAME,
        FaultClass.METRIC,
        scope_target(view),
        severity=Severity.CRITICAL,
        reason="ComparisonBroken",
        message=f"{meaning}{lasted}: {values}",
        facts={
            "query": expectation.query,
            "value": f"{worst[0].value:g}",
            "operator": expectation.operator,
            "threshold": f"{expectation.threshold:g}",
            "series": str(len(reading.broken)),
        },
    )


def _text(sample: Sample) -> str:
    labels = ",".join(f'{name}="{value}"' for name, value in sample.labels if name != "__name__")
    return f"{{{labels}}} is {sample.value:g}" if labels else f"it is {sample.value:g}"


DETECTOR = Detector(NAME, frozenset({FaultClass.METRIC}), (MetricHolds,), (NAMED_TARGET,), _judge)
