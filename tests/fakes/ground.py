"""Builders of what workloads stand on: nodes, claims, volumes, classes, webhooks, as the API server sends them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from detectors.facts import Fact, Workload
from detectors.facts_cluster import TYPES
from detectors.model import Gap, Observation
from tests.fakes.world import NAMESPACE, Json, decode, intent, observation, uid_of, when

CLUSTER = intent({"type": "clusterHealthy"}, name="cluster")
OBJECTS = intent({"type": "objectsHealthy"}, name="objects")


def claims_only() -> Any:
    return intent({"type": "objectsHealthy", "kinds": ["PersistentVolumeClaim"]}, name="claims")


def spread_only() -> Any:
    return intent({"type": "objectsHealthy", "kinds": ["Deployment", "StatefulSet"]}, name="spread")


def made(
    kind: str, name: str, document: Json, *, namespace: str = "", age: float = 3600, **meta: Any
) -> Fact:
    """An object of a kind of facts_cluster."""
    said = {
        "name": name,
        "uid": uid_of(kind, name),
        "resourceVersion": "1",
        "creationTimestamp": when(age),
        **({"namespace": namespace} if namespace else {}),
        **meta,
    }
    fact: Fact = decode(TYPES[kind], {"metadata": said, **document})
    return fact


def node(
    name: str = "n1",
    *conditions: Json,
    ready: str = "True",
    since: float = 3600,
    reason: str = "",
    pods: str = "110",
    cordoned: float | None = None,
    taints: tuple[Json, ...] = (),
    labels: Mapping[str, str] | None = None,
    age: float = 86_400,
) -> Fact:
    """A node as a kubelet of 1.34 reports it; `cordoned` so many seconds ago."""
    known = {"True": "KubeletReady", "False": "KubeletNotReady", "Unknown": "NodeStatusUnknown"}
    said = [
        condition("MemoryPressure", "False", reason="KubeletHasSufficientMemory"),
        condition("DiskPressure", "False", reason="KubeletHasNoDiskPressure"),
        condition("PIDPressure", "False", reason="KubeletHasSufficientPID"),
        condition("Ready", ready, since, reason or known[ready], "Kubelet stopped posting node status."),
    ]
    own = {found["type"] for found in conditions}
    spec: Json = {"taints": [dict(taint) for taint in taints]}
    if cordoned is not None:
        spec["unschedulable"] = True
        spec["taints"].append(
            {
                "key": "node.kubernetes.io/unschedulable",
                "effect": "NoSchedule",
                "timeAdded": when(cordoned),
            }
        )
    return made(
        "Node",
        name,
        {
            "spec": spec,
            "status": {
                "conditions": [*conditions, *(found for found in said if found["type"] not in own)],
                "allocatable": {"cpu": "4", "memory": "16Gi", "pods": pods},
            },
        },
        age=age,
        labels={"kubernetes.io/hostname": name, **(labels or {})},
    )


def condition(kind: str, status: str, since: float = 3600, reason: str = "", message: str = "") -> Json:
    """One condition, `since` seconds old."""
    return {
        "type": kind,
        "status": status,
        "reason": reason,
        "message": message,
        "lastHeartbeatTime": when(10),
        "lastTransitionTime": when(since),
    }


def claim(
    name: str = "data",
    *,
    phase: str = "Pending",
    storage_class: str | None = "standard",
    volume: str = "",
    age: float = 3600,
    node_chosen: bool = False,
    namespace: str = NAMESPACE,
) -> Fact:
    """A PersistentVolumeClaim."""
    spec: Json = {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "1Gi"}}}
    if storage_class is not None:
        spec["storageClassName"] = storage_class
    if volume:
        spec["volumeName"] = volume
    marks = {"volume.kubernetes.io/selected-node": "n1"} if node_chosen else {}
    return made(
        "PersistentVolumeClaim",
        name,
        {"spec": spec, "status": {"phase": phase}},
        namespace=namespace,
        age=age,
        annotations=marks,
    )


def storage_class(
    name: str = "standard",
    *,
    default: bool = False,
    binding: str = "Immediate",
    provisioner: str = "rancher.io/local-path",
    age: float = 3600,
) -> Fact:
    """A StorageClass."""
    marks = {"storageclass.kubernetes.io/is-default-class": "true"} if default else {}
    return made(
        "StorageClass",
        name,
        {"provisioner": provisioner, "volumeBindingMode": binding, "reclaimPolicy": "Delete"},
        age=age,
        annotations=marks,
    )


def volume(
    name: str = "pv-1",
    phase: str = "Bound",
    *,
    policy: str = "Retain",
    message: str = "",
    since: float = 3600,
    of: str = "data",
    storage_class: str = "standard",
) -> Fact:
    """A PersistentVolume that is or was bound to the claim `of`."""
    return made(
        "PersistentVolume",
        name,
        {
            "spec": {
                "storageClassName": storage_class,
                "persistentVolumeReclaimPolicy": policy,
                "claimRef": {"kind": "PersistentVolumeClaim", "namespace": NAMESPACE, "name": of, "uid": "u"},
            },
            "status": {
                "phase": phase,
                "message": message,
                "lastPhaseTransitionTime": when(since),
            },
        },
    )


def webhook(
    name: str = "policy",
    *services: tuple[str, str],
    kind: str = "ValidatingWebhookConfiguration",
    failure_policy: str = "Fail",
    url: str | None = None,
) -> Fact:
    """A webhook configuration with one webhook for each Service (namespace, name)."""
    clients: list[Json] = [{"service": {"namespace": ns, "name": n, "port": 80}} for ns, n in services]
    clients += [{"url": url}] if url else []
    return made(
        kind,
        name,
        {
            "webhooks": [
                {
                    "name": f"hook-{number}.example.com",
                    "failurePolicy": failure_policy,
                    "clientConfig": client,
                }
                for number, client in enumerate(clients)
            ]
        },
    )


def ground(
    *facts: Fact | tuple[str, Workload],
    gaps: Mapping[str, Gap] | tuple[str, ...] = (),
    **world: Any,
) -> Observation:
    """An Observation in which the kinds of facts_cluster are watched too; `gaps` may name any kind."""
    mine = [fact for fact in facts if not isinstance(fact, tuple) and kind_of(fact)]
    rest = [fact for fact in facts if isinstance(fact, tuple) or not kind_of(fact)]
    seen = observation(*rest, gaps=gaps, **world)
    objects: dict[str, Any] = {kind: {} for kind in TYPES} | dict(seen.objects)
    for fact in mine:
        kept = objects[kind_of(fact)]
        if isinstance(kept, dict):
            kept[(fact.metadata.namespace, fact.metadata.name)] = fact
    return replace(seen, objects=objects)


def kind_of(fact: Fact) -> str:
    """The kind that the builders wrote into the uid; empty for those of tests.fakes.world."""
    uid = fact.metadata.uid
    return next((kind for kind in TYPES if uid.startswith(f"uid-{kind.lower()}-")), "")
