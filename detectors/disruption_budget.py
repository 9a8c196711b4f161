"""A PodDisruptionBudget under which no pod may ever go, or that covers none.

By the disruption controller's own counts: it blocks for good where it wants as many healthy pods as there should be
(desiredHealthy >= expectedPods), so that also with all of them healthy no node can be drained. One that blocks only
while pods are unhealthy does its work. It also blocks where the controller cannot work it out (condition reason
SyncFailed), and where another budget covers the same pods: the eviction API then refuses.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from detectors.base import Detector, Finding, View
from detectors.conditions import find, lasted
from detectors.facts import LabelSelector, selects
from detectors.facts_batch import DisruptionBudget
from detectors.model import FaultClass, Severity, Violation
from detectors.selection import NEEDS, crowd, in_words, takes_any
from detectors.timestamps import age
from detectors.world import ref
from intents.model import ObjectsHealthy

KIND = "PodDisruptionBudget"
NAME = "disruptionBudget"


def _judge(view: View) -> Iterator[Finding]:
    everywhere = view.world.observation.all_of(KIND, DisruptionBudget)
    namespace = view.scope.namespace
    beside = [found for (where, _), found in everywhere.items() if where == namespace]
    for found in view.objects(KIND, DisruptionBudget):
        if found.metadata.deletion_timestamp:
            continue
        since = age(found.metadata.creation_timestamp, view.at)
        young = since is not None and since <= view.patience.missing
        told = next(_faults(view, found, beside), None)
        if told is None:
            continue
        if young:
            yield view.settling(ref(KIND, found.metadata), told.message)
        else:
            yield told


def _faults(view: View, found: DisruptionBudget, beside: Sequence[DisruptionBudget]) -> Iterator[Violation]:
    status = found.status
    counted = status.observed_generation >= found.metadata.generation
    allowed = find(status.conditions, "DisruptionAllowed")
    if allowed is not None and allowed.reason == "SyncFailed":
        if lasted(allowed, view.at, view.patience.missing):
            told = f"no pod may be evicted, its controller cannot work it out: {allowed.message}"
            yield _told(view, found, FaultClass.BUDGET_BLOCKS, allowed.reason, told)
    elif counted and status.expected_pods and status.desired_healthy >= status.expected_pods:
        told = (
            f"it lets none of its {status.expected_pods} pods go, also when all are healthy ({_rule(found)}): "
            "no node that they run on can be drained"
        )
        yield _told(view, found, FaultClass.BUDGET_BLOCKS, "NoDisruptionAllowed", told)
    elif counted and not status.expected_pods and _covers_nothing(view, found):
        words = in_words(found.spec.selector or LabelSelector())
        told = f"it covers no pod: none has the labels {words}" if words else "it covers no pod"
        yield _told(view, found, FaultClass.BUDGET_MATCHES_NOTHING, "NoPods", told)
    other = _shared_with(view, found, beside)
    if other is not None:
        told = f"its pods are covered by PodDisruptionBudget/{other} too, and then none can be evicted"
        yield _told(view, found, FaultClass.BUDGET_BLOCKS, "SeveralBudgets", told)


def _rule(found: DisruptionBudget) -> str:
    if found.spec.max_unavailable is not None:
        return f"maxUnavailable {found.spec.max_unavailable}"
    return f"minAvailable {found.spec.min_available}"


def _covers_nothing(view: View, found: DisruptionBudget) -> bool:
    """In policy/v1 no selector takes nothing, an empty one all."""
    selector = found.spec.selector
    if selector is None:
        return True
    return not selector.empty and takes_any(view.world, found.metadata.namespace, selector) is False


def _shared_with(view: View, found: DisruptionBudget, beside: Sequence[DisruptionBudget]) -> str | None:
    """Another budget that takes one of this one's pods. Source: the eviction API refuses "This pod has more than one
    PodDisruptionBudget" (pkg/registry/core/pod/storage/eviction.go)."""
    others = [budget for budget in beside if budget is not found and budget.spec.selector is not None]
    if not others or found.spec.selector is None:
        return None
    for party, sure in crowd(view.world, found.metadata.namespace).selected_by(found.spec.selector):
        if not sure:
            continue
        for other in others:
            if other.spec.selector is not None and selects(other.spec.selector, party.labels):
                return other.metadata.name
    return None


def _told(view: View, found: DisruptionBudget, fault: FaultClass, reason: str, message: str) -> Violation:
    status = found.status
    return view.violation(
        NAME,
        fault,
        ref(KIND, found.metadata),
        severity=Severity.WARNING,
        reason=reason,
        message=message,
        facts={
            "expectedPods": str(status.expected_pods),
            "desiredHealthy": str(status.desired_healthy),
            "currentHealthy": str(status.current_healthy),
            "rule": _rule(found),
        },
    )


DETECTOR = Detector(
    NAME,
    frozenset({FaultClass.BUDGET_BLOCKS, FaultClass.BUDGET_MATCHES_NOTHING}),
    (ObjectsHealthy,),
    (KIND, *NEEDS),
    _judge,
    (KIND,),
)
