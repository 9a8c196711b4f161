"""The official client's typed way to the same answers: what a careful author would write with `kubernetes.client`.

It reads the same seven kinds and judges the same thing: which workloads have newest pods that are not
plainly healthy, and why. It is simpler than our detectors, so the comparison leans its way.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from kubernetes import client

from detectors.pods import IMAGE_REASONS

Where = tuple[str, str, str]
"""Kind, namespace, name."""


@dataclass(slots=True)
class Objects:
    """What one look holds, as the client's model objects."""

    pods: dict[tuple[str, str], Any] = field(default_factory=dict)
    replica_sets: dict[tuple[str, str], Any] = field(default_factory=dict)
    workloads: list[tuple[str, Any]] = field(default_factory=list)
    others: list[Any] = field(default_factory=list)
    versions: dict[str, str] = field(default_factory=dict)


def read(api: client.ApiClient) -> Objects:
    """List everything that our watches list."""
    core, apps, discovery = client.CoreV1Api(api), client.AppsV1Api(api), client.DiscoveryV1Api(api)
    found = Objects()
    pods = core.list_pod_for_all_namespaces()
    found.pods = _by_name(pods.items)
    found.versions["Pod"] = pods.metadata.resource_version
    found.replica_sets = _by_name(apps.list_replica_set_for_all_namespaces().items)
    for kind, call in (
        ("Deployment", apps.list_deployment_for_all_namespaces),
        ("StatefulSet", apps.list_stateful_set_for_all_namespaces),
        ("DaemonSet", apps.list_daemon_set_for_all_namespaces),
    ):
        found.workloads += [(kind, item) for item in call().items]
    found.others = [
        *core.list_service_for_all_namespaces().items,
        *discovery.list_endpoint_slice_for_all_namespaces().items,
    ]
    return found


def judge(objects: Objects, namespaces: frozenset[str]) -> dict[Where, str]:
    """The broken workloads in these namespaces with a reason."""
    newest = _newest_sets(objects.replica_sets.values())
    broken: dict[Where, str] = {}
    for (namespace, _), pod in objects.pods.items():
        if namespace not in namespaces or pod.metadata.deletion_timestamp is not None:
            continue
        if pod.status.phase in ("Succeeded", "Failed") or _healthy(pod):
            continue
        owner = _controller(pod.metadata)
        if owner is None:
            continue
        above = owner
        if owner.kind == "ReplicaSet":
            replica_set = objects.replica_sets.get((namespace, owner.name))
            above = _controller(replica_set.metadata) if replica_set is not None else None
            if above is None or newest.get(above.uid) != owner.name:
                continue
        reason = _reason(pod)
        if reason is not None:
            broken[above.kind, namespace, above.name] = reason
    return broken


def _by_name(items: Iterable[Any]) -> dict[tuple[str, str], Any]:
    return {(item.metadata.namespace, item.metadata.name): item for item in items}


def _newest_sets(sets: Iterable[Any]) -> Mapping[str, str]:
    """The newest ReplicaSet's name by the uid of its Deployment."""
    best: dict[str, tuple[int, str]] = {}
    for item in sets:
        owner = _controller(item.metadata)
        if owner is None:
            continue
        revision = int((item.metadata.annotations or {}).get("deployment.kubernetes.io/revision", "0"))
        if revision >= best.get(owner.uid, (-1, ""))[0]:
            best[owner.uid] = revision, item.metadata.name
    return {uid: name for uid, (_, name) in best.items()}


def _controller(meta: Any) -> Any:
    return next((owner for owner in meta.owner_references or [] if owner.controller), None)


def _healthy(pod: Any) -> bool:
    status = pod.status
    if status.phase != "Running" or not status.container_statuses:
        return False
    for container in status.container_statuses:
        if not container.ready or (container.last_state and container.last_state.terminated):
            return False
    return any(c.type == "Ready" and c.status == "True" for c in status.conditions or [])


def _reason(pod: Any) -> str | None:
    for container in pod.status.container_statuses or []:
        waiting = container.state.waiting if container.state else None
        ended = container.last_state.terminated if container.last_state else None
        if waiting and waiting.reason in IMAGE_REASONS:
            return "ImagePull"
        if ended and ended.reason == "OOMKilled":
            return "OOMKilled"
        if waiting and waiting.reason == "CrashLoopBackOff":
            return "CrashLoop"
    return None
