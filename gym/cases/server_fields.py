"""What of an object the API server and its controllers write, so that a comparison leaves it out.

Fields that it hands out are left out because a recreated object gets others; a healer that sets one of them
is not seen here (its guards refuse them).
"""

from __future__ import annotations

from typing import Any

from gym.cases.state import Json, mapping, maps
from gym.cases.workloads import template_of

_KINDS = frozenset(
    {"ControllerRevision", "Endpoints", "EndpointSlice", "Event", "Lease", "NodeMetrics", "PodMetrics"}
)
"""Kinds whose objects only controllers write."""
_IN_EVERY_NAMESPACE = frozenset({("ConfigMap", "kube-root-ca.crt"), ("ServiceAccount", "default")})
_METADATA = frozenset(
    {
        "creationTimestamp",
        "deletionGracePeriodSeconds",
        "deletionTimestamp",
        "generation",
        "managedFields",
        "resourceVersion",
        "selfLink",
        "uid",
    }
)
_MARKS = (
    "batch.kubernetes.io/controller-uid",
    "batch.kubernetes.io/job-name",
    "batch.kubernetes.io/job-tracking",
    "controller-uid",
    "deployment.kubernetes.io/",
    "deprecated.daemonset.template.generation",
    "intentd.io/",
    "job-name",
    "kubectl.kubernetes.io/last-applied-configuration",
    "pv.kubernetes.io/",
    "volume.beta.kubernetes.io/storage-provisioner",
    "volume.kubernetes.io/",
)
"""Labels and annotations that say how an object came to be, by prefix; intentd's own mark is one."""
_FINALIZERS = ("kubernetes.io/", "foregroundDeletion", "orphan", "batch.kubernetes.io/")
_HANDED_OUT = {
    "PersistentVolumeClaim": frozenset({"volumeName"}),
    "Pod": frozenset({"nodeName"}),
    "Service": frozenset({"clusterIP", "clusterIPs", "healthCheckNodePort"}),
}
_ACCOUNT_TOKEN = "kube-api-access-"  # the volume that every pod gets, under a random name


def made_by_the_server(obj: Json) -> bool:
    """Whether a controller made the object: such objects follow from others."""
    metadata = mapping(obj.get("metadata"))
    if obj.get("kind") in _KINDS or (obj.get("kind"), metadata.get("name")) in _IN_EVERY_NAMESPACE:
        return True
    return any(owner.get("controller") is True for owner in maps(metadata.get("ownerReferences")))


def without_server_fields(obj: Json) -> Json:
    """A copy without status and without what the API server writes itself."""
    kept = {name: value for name, value in obj.items() if name not in {"status", "apiVersion"}}
    kept["metadata"] = _metadata(mapping(obj.get("metadata")))
    spec = obj.get("spec")
    if isinstance(spec, dict):
        kept["spec"] = _spec(str(obj.get("kind")), spec)
    return kept


def _metadata(metadata: Json) -> Json:
    kept = {name: value for name, value in metadata.items() if name not in _METADATA}
    for name in ("labels", "annotations"):
        if isinstance(kept.get(name), dict):
            kept[name] = {key: value for key, value in kept[name].items() if not key.startswith(_MARKS)}
            if not kept[name]:
                del kept[name]
    if isinstance(kept.get("finalizers"), list):
        kept["finalizers"] = [name for name in kept["finalizers"] if not str(name).startswith(_FINALIZERS)]
        if not kept["finalizers"]:
            del kept["finalizers"]
    return kept


def _spec(kind: str, spec: Json) -> Json:
    kept = {name: value for name, value in spec.items() if name not in _HANDED_OUT.get(kind, ())}
    match kind:
        case "Pod":
            return _pod(kept)
        case "Service" if isinstance(kept.get("ports"), list):
            kept["ports"] = [_without(port, "nodePort") for port in kept["ports"]]
        case "Job":
            kept = _job(kept)
    template = template_of({"kind": kind, "spec": kept})
    if template and kind != "CronJob":
        kept["template"] = {**template, "metadata": _metadata(mapping(template.get("metadata")))}
    return kept


def _job(spec: Json) -> Json:
    """The selector is the server's, unless `manualSelector` says that it is not."""
    return spec if spec.get("manualSelector") is True else {k: v for k, v in spec.items() if k != "selector"}


def _pod(spec: Json) -> Json:
    kept = dict(spec)
    if isinstance(kept.get("volumes"), list):
        kept["volumes"] = _unless_token(kept["volumes"])
        if not kept["volumes"]:
            del kept["volumes"]
    for name in ("containers", "initContainers"):
        if isinstance(kept.get(name), list):
            kept[name] = [_container(container) for container in kept[name]]
    return kept


def _container(container: Any) -> Any:
    if not isinstance(container, dict) or not isinstance(container.get("volumeMounts"), list):
        return container
    mounts = _unless_token(container["volumeMounts"])
    return {**_without(container, "volumeMounts"), **({"volumeMounts": mounts} if mounts else {})}


def _unless_token(items: list[Any]) -> list[Any]:
    return [
        item
        for item in items
        if not (isinstance(item, dict) and str(item.get("name", "")).startswith(_ACCOUNT_TOKEN))
    ]


def _without(value: Any, name: str) -> Any:
    return {key: part for key, part in value.items() if key != name} if isinstance(value, dict) else value
