"""Metric expectations as PromQL, and what Prometheus answers.

The comparison runs inside Prometheus, where staleness, `for` and vector matching are already right. One
instant query answers all: each returned series carries the label `intentd`:

    held      the comparison holds now
    broken    its opposite holds now (asked where there is no `for`)
    breaking  its opposite holds now (asked where there is a `for`)
    lasting   its opposite held at every evaluation over `for`; broken is what is breaking and lasting

A series that is NaN is in none of them (0/0, no traffic: not known, hence neither). Comparisons filter, so
the value that is returned is the expression's own.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import NamedTuple

from detectors.facts import Sample
from detectors.model import Gap, MetricReading, Turn
from intents.model import MetricHolds
from intents.units import parse_duration

Labels = tuple[tuple[str, str], ...]
LABEL = "intentd"
HELD, BREAKING, LASTING, BROKEN = "held", "breaking", "lasting", "broken"
OPPOSITE = {"<": ">=", "<=": ">", ">": "<=", ">=": "<", "==": "!=", "!=": "=="}
STEPS = 10
"""Evaluations within `for`. Prometheus alerting evaluates every 15 s to 1 min; ten within the duration
misses no gap longer than a tenth of it, at ten times the cost of one evaluation."""


class Condition(NamedTuple):
    """An expression, and how it compares while all is well."""

    query: str
    operator: str
    threshold: float


@dataclass(frozen=True, slots=True)
class Comparison:
    """What is kept while any of the conditions holds, and broken where none does. So a level can be joined with a
    trend, a long window with a short one: one that is known to hold decides, whatever the others are.

    The conditions' expressions return the same labels. `lasting` (seconds) is how long none may have held before it
    counts; `title` names the first condition's value for people.
    """

    conditions: tuple[Condition, ...]
    lasting: float = 0.0
    title: str = ""


def comparison_of(expectation: MetricHolds) -> Comparison:
    """An expectation that brings its own PromQL."""
    condition = Condition(expectation.query, expectation.operator, expectation.threshold)
    return Comparison((condition,), parse_duration(expectation.for_), expectation.query)


def comparison_query(wish: MetricHolds | Comparison) -> str:
    """One instant query that returns every series labelled as the module says; the value is the first condition's
    (of a held series, the first that holds).

    The operator's expression stands on lines of its own, so that a trailing comment cannot swallow what
    follows. A scalar expression is refused by Prometheus and comes back as a Gap.
    """
    comparison = comparison_of(wish) if isinstance(wish, MetricHolds) else wish
    parts = comparison.conditions
    now = " and ".join(_compared(each, OPPOSITE[each.operator]) for each in parts)
    held = _labelled(" or ".join(_compared(each, each.operator) for each in parts), HELD)
    duration_ms = round(comparison.lasting * 1000)
    if not duration_ms:
        return f"{held} or {_labelled(now, BROKEN)}"
    step_ms = min(duration_ms, max(1000, duration_ms // STEPS))
    # One sum tells both that there are enough evaluations and that none of them held: a held one counts -1000.
    history = f"{' * '.join(_history(each) for each in parts)} * 1001 - 1000"
    lasting = f"sum_over_time(({history})[{duration_ms}ms:{step_ms}ms]) >= {duration_ms // step_ms}"
    return f"{held} or {_labelled(now, BREAKING)} or {_labelled(lasting, LASTING)}"


def _value(condition: Condition) -> str:
    return f"(\n{condition.query}\n)"


def _compared(condition: Condition, operator: str) -> str:
    return f"{_value(condition)} {operator} {condition.threshold!r}"


def _history(condition: Condition) -> str:
    """1 where the condition did not hold, 0 where it did or was NaN."""
    opposite = OPPOSITE[condition.operator]
    # `x != t` is true of NaN; a distance above zero is not.
    if opposite == "!=":
        return f"(abs({_value(condition)} - {condition.threshold!r}) > bool 0)"
    return f"({_value(condition)} {opposite} bool {condition.threshold!r})"


def _labelled(expression: str, reading: str) -> str:
    return f'label_replace({expression}, "{LABEL}", "{reading}", "", "")'


def parse_reading(result: object, what: str = "metric") -> MetricReading | Gap:
    """The `data.result` of a comparison query as a reading; a Gap where it says nothing or nonsense."""
    if not isinstance(result, list):
        return Gap(what, "Invalid", "Prometheus answered something that is no instant vector", Turn.OURS)
    found: dict[str, dict[Labels, Sample]] = {HELD: {}, BREAKING: {}, LASTING: {}, BROKEN: {}}
    numbers = 0
    for series in result:
        read = _sample(series)
        if read is None:
            return Gap(what, "Invalid", "Prometheus answered a series that cannot be read", Turn.OURS)
        reading, sample = read
        if math.isnan(sample.value):
            continue
        numbers += reading != LASTING
        found[reading][sample.labels] = sample
    if not numbers:
        if result:
            return Gap(what, "NotANumber", "every series is NaN", Turn.OPERATOR)
        return Gap(what, "NoData", "the query returns no series", Turn.OPERATOR)
    lasting = {_nameless(labels) for labels in found[LASTING]}
    broken = found[BROKEN] | {
        labels: each for labels, each in found[BREAKING].items() if _nameless(labels) in lasting
    }
    return MetricReading(
        broken=tuple(broken.values()),
        held=tuple(found[HELD].values()),
        pending=tuple(sample for labels, sample in found[BREAKING].items() if labels not in broken),
    )


def _nameless(labels: Labels) -> Labels:
    """What a function over time leaves of a series' labels."""
    return tuple(label for label in labels if label[0] != "__name__")


def _sample(series: object) -> tuple[str, Sample] | None:
    if not isinstance(series, Mapping):
        return None
    metric, value = series.get("metric"), series.get("value")
    if not isinstance(metric, Mapping) or not isinstance(value, (list, tuple)) or len(value) != 2:
        return None
    reading = metric.get(LABEL)
    if reading not in (HELD, BREAKING, LASTING, BROKEN) or not isinstance(value[1], str):
        return None
    try:
        number = float(value[1])
    except ValueError:
        return None
    labels = tuple(sorted((str(k), str(v)) for k, v in metric.items() if k != LABEL))
    return str(reading), Sample(labels, number)
