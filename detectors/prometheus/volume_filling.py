"""A volume is full, or will be: kubernetes-mixin's KubePersistentVolumeFillingUp.

The kubelet reports on claims that a pod mounts. A volume that is only read is left out where kube-state-metrics says so.
"""

from __future__ import annotations

from functools import partial

from detectors.base import Detector
from detectors.model import FaultClass, Severity
from detectors.prometheus.places import of_claim
from detectors.prometheus.rules import Rule, always, judging
from detectors.prometheus.text import largest, over, seconds
from detectors.promql import Comparison, Condition
from intents.model import Scope
from intents.objectives import VolumeFilling
from intents.selectors import Matcher, Selector, literal
from intents.units import parse_duration

NAME = "volume_filling"
LABELS = ("namespace", "persistentvolumeclaim")
CRITICAL_FOR = 60.0
"""Seconds; the mixin's."""


def rules(wish: VolumeFilling, scope: Scope) -> dict[str, Rule]:
    """What is nearly full, and what is half way there and will be: a level and a forecast."""
    left = Selector("kubelet_volume_stats_available_bytes", _claims(wish, scope))
    size = Selector("kubelet_volume_stats_capacity_bytes", _claims(wish, scope))
    share = _written(f"{largest(str(left), LABELS)} / {largest(f'{size} > 0', LABELS)}", wish, scope)
    forecast = f"predict_linear({over(left, wish.window)}, {seconds(wish.within)}) and {left}"
    soon = _written(largest(forecast, LABELS), wish, scope)
    return {
        "full": Rule(
            Comparison((Condition(share, ">=", wish.critical),), CRITICAL_FOR, "share of the volume left"),
            FaultClass.VOLUME_FILLING,
            always(Severity.CRITICAL),
            "VolumeFull",
            partial(_full, wish),
        ),
        "filling": Rule(
            Comparison(
                (Condition(share, ">=", wish.warning), Condition(soon, ">=", 0.0)),
                parse_duration(wish.for_),
                "share of the volume left",
            ),
            FaultClass.VOLUME_FILLING,
            always(Severity.WARNING),
            "VolumeFilling",
            partial(_filling, wish),
        ),
    }


def _claims(wish: VolumeFilling, scope: Scope) -> tuple[Matcher, ...]:
    """Claims of a StatefulSet are named after the template, the set and the ordinal."""
    namespace = Matcher("namespace", "=", scope.namespace)
    claim = wish.claim or (scope.name if scope.kind == "PersistentVolumeClaim" else None)
    if claim is not None:
        return (namespace, Matcher("persistentvolumeclaim", "=", claim))
    if scope.name is not None:
        return (
            namespace,
            Matcher("persistentvolumeclaim", "=~", f".+-{literal(scope.name)}-[0-9]+"),
        )
    return (namespace,)


def _written(expression: str, wish: VolumeFilling, scope: Scope) -> str:
    """Without the claims that can only be read: nothing fills them."""
    read_only = Selector(
        "kube_persistentvolumeclaim_access_mode",
        (*_claims(wish, scope), Matcher("access_mode", "=", "ReadOnlyMany")),
    )
    return f"{expression} unless on (namespace, persistentvolumeclaim) {read_only} == 1"


def _full(wish: VolumeFilling, share: float) -> str:
    return f"{share:.1%} of the volume's space is left, less than {wish.critical:.0%}"


def _filling(wish: VolumeFilling, share: float) -> str:
    return (
        f"{share:.1%} of the volume's space is left, and at the trend of {wish.window} none in {wish.within}"
    )


DETECTOR = Detector(
    NAME, frozenset({FaultClass.VOLUME_FILLING}), (VolumeFilling,), (), judging(NAME, rules, of_claim)
)
