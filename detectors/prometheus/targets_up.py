"""Prometheus cannot scrape a target, or knows of too few."""

from __future__ import annotations

from functools import partial

from detectors.base import POD_NEEDS, Detector
from detectors.model import FaultClass, Severity
from detectors.prometheus.places import of_labels
from detectors.prometheus.rules import Rule, always, judging
from detectors.promql import Comparison, Condition
from intents.model import Scope
from intents.objectives import TargetsUp
from intents.selectors import Matcher, Selector, parse_selector
from intents.units import parse_duration

NAME = "targets_up"


def rules(wish: TargetsUp, scope: Scope) -> dict[str, Rule]:
    """Which are down, and whether there are any. A Prometheus without a single target (it has just started, or is
    another one) does not say that ours are gone."""
    own = Selector("up", (Matcher("namespace", "=", scope.namespace),))
    targets = parse_selector(wish.targets) if wish.targets is not None else own
    lasting = parse_duration(wish.for_)
    found = {}
    if wish.at_least:
        known = Condition(f"count({targets}) or count(up) * 0", ">=", float(wish.at_least))
        found["known"] = Rule(
            Comparison((known,), lasting, "targets that Prometheus knows"),
            FaultClass.TARGET_DOWN,
            always(Severity.WARNING),
            "TargetsMissing",
            partial(_missing, wish),
        )
    found["up"] = Rule(
        Comparison((Condition(str(targets), "==", 1.0),), lasting, "up"),
        FaultClass.TARGET_DOWN,
        always(Severity.WARNING),
        "TargetDown",
        _down,
    )
    return found


def _missing(wish: TargetsUp, known: float) -> str:
    return f"Prometheus knows {known:g} of these targets, {wish.at_least} are expected"


def _down(_: float) -> str:
    return "Prometheus cannot scrape the target"


DETECTOR = Detector(
    NAME, frozenset({FaultClass.TARGET_DOWN}), (TargetsUp,), POD_NEEDS, judging(NAME, rules, of_labels)
)
