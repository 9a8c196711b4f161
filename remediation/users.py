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

POD_NAME = "statefulset.kubernetes.io/pod-name"
_OF_A_JOB = frozenset(
    f"{prefix}{name}" for prefix in ("", "batch.kubernetes.io/") for name in ("job-name", "controller-uid")
)
ADDED = {
    "Deployment": frozenset({"pod-template-hash"}),
    "DaemonSet": frozenset({"controller-revision-hash", "pod-template-generation"}),
    "StatefulSet": frozenset({"controller-revision-hash", POD_NAME, "apps.kubernetes.io/pod-index"}),
    "Job": _OF_A_JOB | {"batch.kubernetes.io/job-completion-index"},
    "CronJob": _OF_A_JOB | {"batch.kubernetes.io/job-completion-index"},
}
"""Labels that a controller puts on its pods besides the template's (apps/v1 and batch/v1 well-known labels): a selector
may ask for them, and no template shows them."""

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
    return any(_selects(state, item) for state in _states(plan, live))


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


def selectors(plan: Plan, live: Json | None) -> list[dict[str, str]]:
    """What a Service selects by, as it is and as the plan leaves it; none of anything else. Pods may carry labels
    besides their template's (`role: primary`), so who is selected now the pods tell."""
    found = (get(state, ("spec", "selector")) for state in _states(plan, live))
    return [one for one in found if plan.target.kind == "Service" and isinstance(one, dict) and one]


def _selects(service: Json, item: Json) -> bool:
    """core/v1: a Service without a selector selects nothing. Of a label that the controller adds only the name of a
    StatefulSet's pod tells whose it is; any other may be on any of the workload's pods."""
    selector = get(service, ("spec", "selector"))
    if not isinstance(selector, dict) or not selector:
        return False
    kind, labels = str(item.get("kind")), (pod_of(item).get("metadata") or {}).get("labels") or {}
    if kind == "StatefulSet" and POD_NAME in selector:
        of_set = str(selector[POD_NAME]).rpartition("-")[0]
        if of_set != get(item, ("metadata", "name")):
            return False
    added = ADDED.get(kind, frozenset())
    return all(
        labels.get(key) == value for key, value in selector.items() if key in labels or key not in added
    )


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
