"""Whether the controllers and the scheduler have done with a case's objects: what is read before that would differ
later by no doing of a daemon. Pure."""

from __future__ import annotations

from gym.cases.state import Json, State, dig, mapping, maps

_OBSERVING = ("DaemonSet", "Deployment", "PodDisruptionBudget", "ReplicaSet", "StatefulSet")
"""Kinds whose controllers say which generation they have seen."""


def restless(state: State) -> str | None:
    """What is still to come, in words; None where nothing is."""
    for (kind, _, name), obj in state.objects.items():
        if kind in _OBSERVING and not _observed(obj):
            return f"{kind}/{name} has not been seen by its controller"
        if kind == "ReplicaSet" and not _has_its_pods(obj):
            return f"{kind}/{name} has not made its pods"
        if kind == "Pod" and not _was_scheduled(obj):
            return f"{kind}/{name} has not been seen by the scheduler"
        if kind == "Job" and not obj.get("status") and dig(obj, "spec", "suspend") is not True:
            return f"{kind}/{name} has not been seen by its controller"
        if kind == "PersistentVolumeClaim" and not dig(obj, "status", "phase"):
            return f"{kind}/{name} has not been seen by its controller"
    return None


def _observed(obj: Json) -> bool:
    return bool(dig(obj, "status", "observedGeneration") == dig(obj, "metadata", "generation"))


def _has_its_pods(obj: Json) -> bool:
    status = mapping(obj.get("status"))
    failed = any(
        one.get("type") == "ReplicaFailure" and one.get("status") == "True"
        for one in maps(status.get("conditions"))
    )
    return failed or status.get("replicas", 0) == dig(obj, "spec", "replicas")


def _was_scheduled(pod: Json) -> bool:
    conditions = maps(dig(pod, "status", "conditions"))
    return bool(dig(pod, "spec", "nodeName")) or any(one.get("type") == "PodScheduled" for one in conditions)
