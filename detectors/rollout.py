"""How far a workload's rollout is, from its own status.

The rule is `kubectl rollout status`' (kubectl pkg/polymorphichelpers/rollout_status.go): a Deployment is
done when every replica is of the newest template, none of an older one is left, and all are available.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from detectors.facts import Condition, Workload
from detectors.timestamps import seconds


class Phase(StrEnum):
    """Where a rollout stands."""

    DONE = "done"
    GOING_ON = "going on"
    STUCK = "stuck"  # the controller itself says that the deadline passed
    PAUSED = "paused"


@dataclass(frozen=True, slots=True)
class Rollout:
    """Counts as the controller last wrote them. `progressed_at` (Unix seconds) is when it last saw
    progress, None where it does not say (only Deployments do)."""

    phase: Phase
    desired: int
    updated: int
    available: int
    progressed_at: float | None = None


def condition(workload: Workload, kind: str) -> Condition | None:
    """The status condition of this type."""
    return next((found for found in workload.status.conditions if found.type == kind), None)


def create_failure(workload: Workload) -> Condition | None:
    """Why the controller cannot create pods. Deployments and ReplicaSets say it; FailedDelete, the condition's other
    reason, is no want of pods."""
    failure = condition(workload, "ReplicaFailure")
    said = failure is not None and failure.status == "True" and failure.reason != "FailedDelete"
    return failure if said else None


def rollout_of(kind: str, workload: Workload) -> Rollout:
    """The rollout of a Deployment, StatefulSet or DaemonSet."""
    status, spec = workload.status, workload.spec
    if kind == "DaemonSet":
        desired, updated = status.desired_number_scheduled, status.updated_number_scheduled
        available, left = status.number_available, 0
    else:
        desired = 1 if spec.replicas is None else spec.replicas
        updated, available = status.updated_replicas, status.available_replicas
        left = max(0, status.replicas - updated)
    progressing = condition(workload, "Progressing")
    progressed_at = None
    if progressing is not None:
        progressed_at = seconds(progressing.last_update_time) or seconds(progressing.last_transition_time)
    if spec.paused:
        phase = Phase.PAUSED
    elif status.observed_generation < workload.metadata.generation:
        phase = Phase.GOING_ON  # the controller has not looked at the newest spec yet
    elif progressing is not None and progressing.reason == "ProgressDeadlineExceeded":
        phase = Phase.STUCK
    elif updated < desired or left or _unavailable(kind, workload, desired):
        phase = Phase.GOING_ON
    else:
        phase = Phase.DONE
    return Rollout(phase, desired, updated, available, progressed_at)


def _unavailable(kind: str, workload: Workload, desired: int) -> bool:
    """Whether the newest template still lacks available pods. A Deployment says whether it had them all
    once (NewReplicaSetAvailable): a pod lost after that is no rollout."""
    if kind == "DaemonSet":
        return workload.status.number_available < desired
    if kind == "Deployment":
        progressing = condition(workload, "Progressing")
        if progressing is not None and progressing.reason == "NewReplicaSetAvailable":
            return False
    return workload.status.available_replicas < desired
