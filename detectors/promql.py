"""Metric expectations as PromQL, and what Prometheus answers.

The comparison runs inside Prometheus, where staleness, `for` and vector matching are already right. One
instant query answers all: each returned series carries the label `intentd`:

    held      the comparison holds now
    broken    its opposite holds now and held at every evaluation over the expectation's `for`
    breaking  its opposite holds now (only asked where there is a `for`)

A series that is NaN is in none of them (0/0, no traffic: not known, hence neither). Comparisons filter, so
the value that is returned is the expression's own.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping

from detectors.facts import Sample
from detectors.model import Gap, MetricReading, Turn, expectation_key
from intents.model import Intent, MetricHolds
from intents.units import parse_duration

LABEL = "intentd"
HELD, BREAKING, BROKEN = "held", "breaking", "broken"
OPPOSITE = {"<": ">=", "<=": ">", ">": "<=", ">=": "<", "==": "!=", "!=": "=="}
STEPS = 10
"""Evaluations within `for`. Prometheus alerting evaluates every 15 s to 1 min; ten within the duration
misses no gap longer than a tenth of it, at ten times the cost of one evaluation."""

metric_key = expectation_key


def metric_queries(intents: Iterable[Intent]) -> dict[str, str]:
    """The comparison queries of all metric expectations by `metric_key`: what the Metrics port is asked."""
    return {
        metric_key(intent.name, index): comparison_query(expectation)
        for intent in intents
        for index, expectation in enumerate(intent.spec.expectations)
        if isinstance(expectation, MetricHolds)
    }


def comparison_query(expectation: MetricHolds) -> str:
    """One instant query that returns every series labelled as the module says.

    The operator's expression stands on lines of its own, so that a trailing comment cannot swallow what
    follows. A scalar expression is refused by Prometheus and comes back as a Gap.
    """
    value = f"(\n{expectation.query}\n)"
    threshold = repr(expectation.threshold)
    opposite = OPPOSITE[expectation.operator]
    now = f"{value} {opposite} {threshold}"
    held = _labelled(f"{value} {expectation.operator} {threshold}", HELD)
    duration_ms = round(parse_duration(expectation.for_) * 1000)
    if not duration_ms:
        return f"{held} or {_labelled(now, BROKEN)}"
    step_ms = min(duration_ms, max(1000, duration_ms // STEPS))
    # `x != t` is true of NaN; a distance above zero is not.
    history = (
        f"(abs({value} - {threshold}) > bool 0)"
        if opposite == "!="
        else f"({value} {opposite} bool {threshold})"
    )
    over = f"{history}[{duration_ms}ms:{step_ms}ms]"
    lasting = (
        f"{now} and (min_over_time({over}) == 1) and (count_over_time({over}) >= {duration_ms // step_ms})"
    )
    return f"{held} or {_labelled(now, BREAKING)} or {_labelled(lasting, BROKEN)}"


def _labelled(expression: str, reading: str) -> str:
    return f'label_replace({expression}, "{LABEL}", "{reading}", "", "")'


def parse_reading(result: object, what: str = "metric") -> MetricReading | Gap:
    """The `data.result` of a comparison query as a reading; a Gap where it says nothing or nonsense."""
    if not isinstance(result, list):
        return Gap(what, "Invalid", "Prometheus answered something that is no instant vector", Turn.OURS)
    found: dict[str, dict[tuple[tuple[str, str], ...], Sample]] = {HELD: {}, BREAKING: {}, BROKEN: {}}
    numbers = 0
    for series in result:
        read = _sample(series)
        if read is None:
            return Gap(what, "Invalid", "Prometheus answered a series that cannot be read", Turn.OURS)
        reading, sample = read
        if math.isnan(sample.value):
            continue
        numbers += 1
        found[reading][sample.labels] = sample
    if not numbers:
        if result:
            return Gap(what, "NotANumber", "every series is NaN", Turn.OPERATOR)
        return Gap(what, "NoData", "the query returns no series", Turn.OPERATOR)
    broken = found[BROKEN]
    return MetricReading(
        broken=tuple(broken.values()),
        held=tuple(found[HELD].values()),
        pending=tuple(sample for labels, sample in found[BREAKING].items() if labels not in broken),
    )


def _sample(series: object) -> tuple[str, Sample] | None:
    if not isinstance(series, Mapping):
        return None
    metric, value = series.get("metric"), series.get("value")
    if not isinstance(metric, Mapping) or not isinstance(value, (list, tuple)) or len(value) != 2:
        return None
    reading = metric.get(LABEL)
    if reading not in (HELD, BREAKING, BROKEN) or not isinstance(value[1], str):
        return None
    try:
        number = float(value[1])
    except ValueError:
        return None
    labels = tuple(sorted((str(k), str(v)) for k, v in metric.items() if k != LABEL))
    return str(reading), Sample(labels, number)
