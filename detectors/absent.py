"""The workload that an intent names does not exist."""

from __future__ import annotations

from collections.abc import Iterator

from detectors.base import WORKLOADS, Detector, Finding, View
from detectors.model import FaultClass, Gap, ObjectRef, Severity, Turn, Unknown
from detectors.world import scope_kinds
from intents.model import WORKLOAD_KINDS, ReplicasAtLeast, WorkloadHealthy

NAME = "absent"


def _judge(view: View) -> Iterator[Finding]:
    scope = view.scope
    kinds = scope_kinds(scope)
    if not kinds:
        gap = Gap(
            "scope", "Invalid", f"a {scope.kind} has no replicas: name a workload in the scope", Turn.OPERATOR
        )
        yield Unknown(view.intent.name, view.index, gap)
        return
    if scope.name is None:
        return  # a scope by labels may be empty: then there is nothing to keep healthy
    # Looked up by name alone: an object that has lost the scope's labels is not absent.
    if any((scope.namespace, scope.name) in view.world.observation.workloads(kind) for kind in kinds):
        return
    listed = " or ".join(kinds) if len(kinds) < len(WORKLOAD_KINDS) else "workload"
    yield view.violation(
        NAME,
        FaultClass.ABSENT,
        # A kind must stand in the key; Deployment is by far the likeliest where the scope names none.
        ObjectRef(kinds[0], scope.namespace, scope.name),
        severity=Severity.CRITICAL,
        reason="NotFound",
        message=f"there is no {listed} named {scope.name} in {scope.namespace}",
    )


DETECTOR = Detector(
    NAME, frozenset({FaultClass.ABSENT}), (WorkloadHealthy, ReplicasAtLeast), (WORKLOADS,), _judge
)
