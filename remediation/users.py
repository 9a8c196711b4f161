"""Whose pods a change of a ConfigMap or a Service reaches: the workloads that read the one, or that the other selects.

Changing such an object changes what its users run with, so what their owners said (`intentd.io/ignore`, a silence by
label) and what their containers make of it (guards/expansion.py) counts as well. A program that reads a ConfigMap
through the API says so nowhere and is no user here.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from intents.fields import get
from remediation.diff import PreconditionFailed, fork
from remediation.model import Create, Json, Patch, Plan, Recreate

USED = frozenset({"ConfigMap", "Service"})
"""Kinds whose objects work through the pods of others."""

WORKLOADS = ("Deployment", "StatefulSet", "DaemonSet", "Job", "CronJob")
"""Kinds that make pods. What a pod reads whom none of them made, the pod itself says."""

CONTAINERS = ("initContainers", "containers", "ephemeralContainers")


def pod_of(item: Json) -> Json:
    """Metadata and spec of the pods that a workload makes; a Pod's own."""
    if item.get("kind") == "Pod":
        return item
    spec: Json = item.get("spec") or {}
    if item.get("kind") == "CronJob":
        spec = (spec.get("jobTemplate") or {}).get("spec") or {}
    template: Json = spec.get("template") or {}
    return template


def containers_of(item: Json) -> Iterator[Json]:
    """Every container that a workload's pods have, of whichever sort."""
    spec = pod_of(item).get("spec") or {}
    for sort in CONTAINERS:
        yield from spec.get(sort) or ()


def is_finished(item: Json) -> bool:
    """Whether a Job or a Pod ended, so that it reads nothing any more."""
    status = item.get("status") or {}
    ended = {"Complete", "Failed"}
    return status.get("phase") in ("Succeeded", "Failed") or any(
        condition.get("type") in ended and condition.get("status") == "True"
        for condition in status.get("conditions") or ()
        if item.get("kind") == "Job"
    )


def uses(item: Json, plan: Plan, live: Json | None) -> bool:
    """Whether a workload uses the plan's target, as it is or as the plan leaves it."""
    if item.get("metadata", {}).get("namespace", plan.target.namespace) != plan.target.namespace:
        return False
    if is_finished(item):
        return False
    if plan.target.kind == "ConfigMap":
        return plan.target.name in config_maps_read(pod_of(item).get("spec") or {})
    labels = (pod_of(item).get("metadata") or {}).get("labels") or {}
    return any(_selects(state, labels) for state in _states(plan, live))


def _states(plan: Plan, live: Json | None) -> Iterator[Json]:
    if live is not None:
        yield live
    if isinstance(plan, Create | Recreate):
        yield plan.manifest
    elif isinstance(plan, Patch) and live is not None:
        try:
            yield fork(live, plan.operations)
        except PreconditionFailed:
            return  # a stale plan: the integrity guard refuses it


def _selects(service: Json, labels: Json) -> bool:
    """core/v1: a Service without a selector selects nothing."""
    selector = get(service, ("spec", "selector"))
    return isinstance(selector, dict) and bool(selector) and selector.items() <= labels.items()


def config_maps_read(pod_spec: Json) -> list[str]:
    """Names of the ConfigMaps that environment and volumes refer to, each once, in order."""
    names: dict[str, None] = {}
    for sort in CONTAINERS:
        for container in pod_spec.get(sort) or ():
            for variable in container.get("env") or ():
                _name(names, (variable.get("valueFrom") or {}).get("configMapKeyRef"))
            for source in container.get("envFrom") or ():
                _name(names, source.get("configMapRef"))
    for volume in pod_spec.get("volumes") or ():
        _name(names, volume.get("configMap"))
        for source in (volume.get("projected") or {}).get("sources") or ():
            _name(names, source.get("configMap"))
    return list(names)


def _name(names: dict[str, None], reference: Any) -> None:
    if isinstance(reference, dict) and reference.get("name"):
        names[str(reference["name"])] = None
