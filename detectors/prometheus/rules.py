"""A rule: one comparison with the fault that it shows. An expectation is kept where all of its rules are.

As a Prometheus alerting rule has an expression, a `for`, a severity and an annotation, but three-valued: what
broke is told although another rule's reading is a Gap, and without a broken one a Gap makes the expectation unknown.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, NamedTuple

from detectors.base import Finding, View
from detectors.facts import Sample
from detectors.model import (
    FaultClass,
    Gap,
    ObjectRef,
    Settling,
    Severity,
    Turn,
    Unknown,
    expectation_key,
)
from detectors.prometheus.places import Place
from detectors.promql import Comparison
from intents.model import Expectation, ObjectKind, Scope
from intents.units import format_duration

SHOWN = 3
"""Series named in a message; the count tells of the rest."""


@dataclass(frozen=True, slots=True)
class Rule:
    """`says` tells in words what a broken series' value means."""

    comparison: Comparison
    fault_class: FaultClass
    severity: Callable[[float], Severity]
    reason: str
    says: Callable[[float], str]


Rules = Mapping[str, Rule]
"""The rules of one expectation, by a short name; the graver first."""
Build = Callable[[Any, Scope], Rules]
"""Makes the rules of an expectation. Of the scope it may use namespace, kind and name: labels are no metric's."""
Locate = Callable[[View, Sample], Place | None]
"""Where a series belongs; None where it is nothing of the intent's scope."""


def always(severity: Severity) -> Callable[[float], Severity]:
    """One severity, whatever the value."""
    return lambda _: severity


def rule_key(intent: str, index: int, rule: str) -> str:
    """The key of one rule's reading in `Observation.metrics`."""
    return f"{expectation_key(intent, index)}/{rule}"


def judging(detector: str, build: Build, locate: Locate) -> Callable[[View], Iterator[Finding]]:
    """A detector's `judge`: what the readings of an expectation's rules say."""
    return lambda view: _judge(view, detector, rules_of(build, view.expectation, view.scope), locate)


def rules_of(build: Build, expectation: Expectation, scope: Scope) -> Rules:
    """The rules of an expectation, made once: every look asks for those of every expectation."""
    return _made(build, expectation, scope.namespace, scope.kind, scope.name)


@lru_cache(maxsize=8192)
def _made(
    build: Build, expectation: Expectation, namespace: str, kind: ObjectKind | None, name: str | None
) -> Rules:
    return build(expectation, Scope(namespace=namespace, kind=kind, name=name))


def _judge(view: View, detector: str, rules: Rules, locate: Locate) -> Iterator[Finding]:
    """Violations, one for each fault, target and container; the graver rule speaks, its worst series first."""
    broken: dict[tuple[object, ...], Finding] = {}
    settling: dict[tuple[str, str, str], Settling] = {}
    unknown: list[Unknown] = []
    for name, rule in rules.items():
        reading = _reading(view, name, locate)
        if isinstance(reading, Gap):
            unknown.append(Unknown(view.intent.name, view.index, reading))
            continue
        for (target, container), series in reading.broken.items():
            key = (rule.fault_class, target.key, container)
            if key not in broken:
                broken[key] = _violation(view, detector, rule, series)
        for target, _ in reading.pending:
            lasting = format_duration(rule.comparison.lasting)
            found = view.settling(target, f"{rule.reason}, but not for {lasting} yet")
            settling.setdefault(target.key, found)
    if broken or not unknown:
        yield from broken.values()
        yield from settling.values()
    else:
        yield unknown[0]


class _Series(NamedTuple):
    """A series and where it belongs."""

    place: Place
    sample: Sample


_Groups = Mapping[tuple[ObjectRef, str | None], list[_Series]]
"""Series by target and container."""


@dataclass(frozen=True, slots=True)
class _Located:
    """A reading's series that are about what is in scope."""

    broken: _Groups
    pending: _Groups


def _reading(view: View, rule: str, locate: Locate) -> _Located | Gap:
    key = rule_key(view.intent.name, view.index, rule)
    found = view.world.observation.metrics.get(key)
    if found is None:
        return Gap(f"metric {key}", "NotObserved", "the metric was not asked for", Turn.OURS)
    if isinstance(found, Gap):
        return found
    here = _Located(_grouped(view, found.broken, locate), _grouped(view, found.pending, locate))
    if not (here.broken or here.pending) and all(locate(view, sample) is None for sample in found.held):
        return Gap(f"metric {key}", "NoData", "no series is about what is in scope", Turn.OPERATOR)
    return here


def _grouped(view: View, samples: tuple[Sample, ...], locate: Locate) -> _Groups:
    found: dict[tuple[ObjectRef, str | None], list[_Series]] = {}
    for sample in samples:
        place = locate(view, sample)
        if place is not None:
            found.setdefault((place.target, place.container), []).append(_Series(place, sample))
    return found


def _violation(view: View, detector: str, rule: Rule, series: list[_Series]) -> Finding:
    comparison = rule.comparison
    first = comparison.conditions[0]
    # Far above what should stay below, far below what should stay above.
    ranked = sorted(series, key=lambda each: each.sample.value, reverse=first.operator in ("<", "<="))
    place, worst = ranked[0]
    lasted = f" for {format_duration(comparison.lasting)}" if comparison.lasting else ""
    pods = len({each.place.subject for each in ranked if each.place.subject.kind == "Pod"})
    return view.violation(
        detector,
        rule.fault_class,
        place.target,
        severity=rule.severity(worst.value),
        reason=rule.reason,
        message=f"{_summary(view)}{rule.says(worst.value)}{lasted}{_where(ranked)}",
        subject=place.subject,
        container=place.container,
        facts={
            "metric": comparison.title,
            "value": f"{worst.value:.6g}",
            "operator": first.operator,
            "threshold": f"{first.threshold:.6g}",
            "series": str(len(ranked)),
            "pods": str(pods) if pods > 1 else "",
        },
    )


def _summary(view: View) -> str:
    said = getattr(view.expectation, "summary", "")
    return f"{said}: " if said else ""


def _where(ranked: list[_Series]) -> str:
    """Which series: by the pod's name, else by their labels."""
    texts = list(dict.fromkeys(text for each in ranked if (text := _text(each))))
    more = f"; {len(texts) - SHOWN} more" if len(texts) > SHOWN else ""
    return f" ({'; '.join(texts[:SHOWN])}{more})" if texts else ""


def _text(series: _Series) -> str:
    if series.place.subject.kind == "Pod":
        return series.place.subject.name
    return ", ".join(f"{name}={value}" for name, value in series.sample.labels if name != "__name__")
