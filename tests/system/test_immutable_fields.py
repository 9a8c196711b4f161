"""The table of immutable fields against a real API server: a change is refused there if and only if the table calls
it immutable. Each change is valid by itself, so a refusal can only be about changing the field."""

from __future__ import annotations

import copy
import time
from collections.abc import Callable, Iterator
from typing import Any

import msgspec
import pytest

from daemon.clock import SystemClock
from daemon.kube.connect import connect
from daemon.kube.kinds import RESOURCES
from daemon.kube.transport import Transport
from gym.cluster import Cluster
from remediation.diff import diff
from remediation.immutable import immutable
from remediation.model import Json
from remediation.plan_json import operation_to_json

pytestmark = pytest.mark.cluster

Change = Callable[[Json], object]


@pytest.fixture(scope="module")
def admin(practice: Cluster) -> Iterator[Transport]:
    transport = Transport(connect(practice.kubeconfig), SystemClock())
    yield transport
    transport.close()


NOWHERE = {"no-such-node": "true"}
"""No pod of these tests is ever placed."""


def pod_spec(**more: Any) -> Json:
    container = {
        "name": "app",
        "image": "example.com/app:1",
        "command": ["sleep"],
        "resources": {"requests": {"memory": "16Mi"}},
    }
    return {"containers": [container], "nodeSelector": dict(NOWHERE), **more}


def template(**more: Any) -> Json:
    return {"metadata": {"labels": {"app": "it"}}, "spec": pod_spec(**more)}


SELECTOR = {"matchLabels": {"app": "it"}}
WANTS = {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "1Gi"}}}
OBJECTS: dict[str, Json] = {
    "Deployment": {"replicas": 0, "selector": SELECTOR, "template": template()},
    "DaemonSet": {"selector": SELECTOR, "template": template()},
    "ReplicaSet": {"replicas": 0, "selector": SELECTOR, "template": template()},
    "StatefulSet": {
        "replicas": 0,
        "selector": SELECTOR,
        "serviceName": "it",
        "template": template(),
        "volumeClaimTemplates": [{"metadata": {"name": "data"}, "spec": WANTS}],
    },
    "Job": {"parallelism": 1, "completions": 2, "template": template(restartPolicy="Never")},
    "Job suspended": {"suspend": True, "completions": 2, "template": template(restartPolicy="Never")},
    "Job indexed": {
        "suspend": True,
        "completionMode": "Indexed",
        "completions": 2,
        "parallelism": 2,
        "template": template(restartPolicy="Never"),
    },
    "Pod": pod_spec(
        activeDeadlineSeconds=600, tolerations=[{"key": "a", "operator": "Exists", "effect": "NoSchedule"}]
    ),
    "Pod gated": pod_spec(schedulingGates=[{"name": "example.com/a"}, {"name": "example.com/b"}]),
    "PersistentVolumeClaim": {**WANTS, "storageClassName": "no-such-class"},
    "PersistentVolumeClaim bound": {**WANTS, "storageClassName": "by-hand"},
    "Service": {"selector": {"app": "it"}, "ports": [{"port": 80}]},
    "ConfigMap": {},
    "ConfigMap immutable": {},
}


def at(*path: str | int, value: Any) -> Change:
    def change(item: Json) -> None:
        for step in path[:-1]:
            item = item.setdefault(step, {}) if isinstance(step, str) else item[step]
        item[path[-1]] = value

    return change


def without(*path: str | int) -> Change:
    def change(item: Json) -> None:
        for step in path[:-1]:
            item = item[step]
        del item[path[-1]]

    return change


def added(*path: str | int, value: Any) -> Change:
    def change(item: Json) -> None:
        for step in path:
            item = item[step]
        item.append(value)  # type: ignore[attr-defined]

    return change


def both(*changes: Change) -> Change:
    return lambda item: [change(item) for change in changes]


IN = ("spec", "template", "spec")
CONTAINER = (*IN, "containers", 0)
HANDS = ("spec", "containers", 0)
TOLERATION = {"key": "b", "operator": "Exists", "effect": "NoSchedule"}
OTHER = {"matchLabels": {"app": "it", "tier": "x"}}
POLICY = {
    "rules": [{"action": "Ignore", "onPodConditions": [{"type": "DisruptionTarget", "status": "True"}]}]
}
WORKLOAD = {
    "image": at(*CONTAINER, "image", value="example.com/app:2"),
    "command": at(*CONTAINER, "command", value=["true"]),
    "memory": at(*CONTAINER, "resources", "requests", "memory", value="32Mi"),
    "label of the object": at("metadata", "labels", "x", value="y"),
    "annotation": at("metadata", "annotations", "x", value="y"),
    "selector": both(
        at("spec", "selector", value=OTHER), at("spec", "template", "metadata", "labels", "tier", value="x")
    ),
}
SCHEDULING = {
    "node selector": at(*IN, "nodeSelector", "disk", value="ssd"),
    "toleration": at(*IN, "tolerations", value=[TOLERATION]),
    "template label": at("spec", "template", "metadata", "labels", "x", value="y"),
    "template annotation": at("spec", "template", "metadata", "annotations", "x", value="y"),
}
JOB = {
    **SCHEDULING,
    "image": WORKLOAD["image"],
    "command": WORKLOAD["command"],
    "service account": at(*IN, "serviceAccountName", value="other"),
    "backoff limit": at("spec", "backoffLimit", value=3),
    "deadline": at("spec", "activeDeadlineSeconds", value=300),
    "time to live": at("spec", "ttlSecondsAfterFinished", value=300),
    "parallelism": at("spec", "parallelism", value=2),
    "pod failure policy": at("spec", "podFailurePolicy", value=POLICY),
}
CLAIM = {
    "class": at("spec", "storageClassName", value="another-class"),
    "access modes": at("spec", "accessModes", value=["ReadWriteMany"]),
    "more storage": at("spec", "resources", "requests", "storage", value="2Gi"),
    "label": at("metadata", "labels", "x", value="y"),
    "beta class": at("metadata", "annotations", "volume.beta.kubernetes.io/storage-class", value="x"),
    "selector": at("spec", "selector", value={"matchLabels": {"a": "b"}}),
}
POD = {
    "image": at(*HANDS, "image", value="example.com/app:2"),
    "command": at(*HANDS, "command", value=["true"]),
    "memory": at(*HANDS, "resources", "requests", "memory", value="32Mi"),
    "environment": at(*HANDS, "env", value=[{"name": "A", "value": "b"}]),
    "toleration added": added("spec", "tolerations", value=TOLERATION),
    "restart policy": at("spec", "restartPolicy", value="Never"),
    "grace": at("spec", "terminationGracePeriodSeconds", value=1),
    "service account": at("spec", "serviceAccountName", value="other"),
    "node selector added": at("spec", "nodeSelector", "disk", value="ssd"),
    "node selector changed": at("spec", "nodeSelector", "no-such-node", value="other"),
    "label": at("metadata", "labels", "x", value="y"),
}
CHANGES: dict[str, dict[str, Change]] = {
    "Deployment": {**WORKLOAD, **SCHEDULING, "replicas": at("spec", "replicas", value=1)},
    "DaemonSet": {**WORKLOAD, **SCHEDULING},
    "ReplicaSet": {**WORKLOAD, "replicas": at("spec", "replicas", value=1)},
    "StatefulSet": {
        **WORKLOAD,
        "replicas": at("spec", "replicas", value=1),
        "service": at("spec", "serviceName", value="other"),
        "pod management": at("spec", "podManagementPolicy", value="Parallel"),
        "claim size": at(
            "spec", "volumeClaimTemplates", 0, "spec", "resources", "requests", "storage", value="2Gi"
        ),
        "claim removed": at("spec", "volumeClaimTemplates", value=[]),
        "update strategy": at("spec", "updateStrategy", value={"type": "OnDelete"}),
        "min ready": at("spec", "minReadySeconds", value=5),
        "history": at("spec", "revisionHistoryLimit", value=3),
        "ordinals": at("spec", "ordinals", value={"start": 1}),
        "retention": at(
            "spec",
            "persistentVolumeClaimRetentionPolicy",
            value={"whenDeleted": "Retain", "whenScaled": "Delete"},
        ),
    },
    "Job": {**JOB, "completions": at("spec", "completions", value=3)},
    "Job suspended": {**JOB, "completions": at("spec", "completions", value=3)},
    "Job indexed": {
        "completions alone": at("spec", "completions", value=3),
        "completions in tandem": both(at("spec", "completions", value=3), at("spec", "parallelism", value=3)),
        "completion mode": at("spec", "completionMode", value="NonIndexed"),
        "failures an index": at("spec", "backoffLimitPerIndex", value=1),
    },
    "Pod": {
        **POD,
        "toleration taken": without("spec", "tolerations", 0),
        "earlier deadline": at("spec", "activeDeadlineSeconds", value=300),
        "later deadline": at("spec", "activeDeadlineSeconds", value=900),
        "no deadline": without("spec", "activeDeadlineSeconds"),
    },
    "Pod gated": {
        **POD,
        "a first deadline": at("spec", "activeDeadlineSeconds", value=300),
        "gate taken": without("spec", "schedulingGates", 0),
        "gate added": added("spec", "schedulingGates", value={"name": "example.com/c"}),
    },
    "PersistentVolumeClaim": {**CLAIM, "volume": at("spec", "volumeName", value="pv-1")},
    "PersistentVolumeClaim bound": {
        **CLAIM,
        "less storage": at("spec", "resources", "requests", "storage", value="512Mi"),
        "volume": at("spec", "volumeName", value="another"),
    },
    "Service": {
        "selector": at("spec", "selector", "app", value="other"),
        "target port": at("spec", "ports", 0, "targetPort", value=8080),
        "cluster IP": both(
            at("spec", "clusterIP", value="10.0.0.77"), at("spec", "clusterIPs", value=["10.0.0.77"])
        ),
        "session affinity": at("spec", "sessionAffinity", value="ClientIP"),
    },
    "ConfigMap": {"data": at("data", "a", value="c"), "immutable": at("immutable", value=True)},
    "ConfigMap immutable": {
        "data": at("data", "a", value="c"),
        "more data": at("data", "b", value="c"),
        "mutable again": at("immutable", value=False),
        "label": at("metadata", "labels", "x", value="y"),
    },
}


def sent(admin: Transport, method: str, path: str, body: Any, content: str = "application/json") -> Json:
    reply = admin.send(method, path, (), body, content)
    assert reply.ok, reply.body
    found: Json = msgspec.json.decode(reply.body)
    return found


def made(admin: Transport, namespace: str, what: str) -> Json:
    kind, _, variant = what.partition(" ")
    resource = RESOURCES[kind]
    content = (
        {"data": {"a": "b"}, **({"immutable": True} if variant else {})}
        if kind == "ConfigMap"
        else {"spec": copy.deepcopy(OBJECTS[what])}
    )
    body = {
        "apiVersion": resource.api_version,
        "kind": kind,
        "metadata": {"name": "it", "namespace": namespace, "labels": {"app": "it"}},
    }
    item = sent(admin, "POST", resource.collection(namespace), body | content)
    if variant == "bound":
        return bound(admin, namespace)
    if what == "Job":
        return eventually(admin, namespace, kind, lambda live: "startTime" in live.get("status", {}))
    return item


def bound(admin: Transport, namespace: str) -> Json:
    """The claim with a volume made by hand for it, of a class that lets it grow."""
    storage_class = {
        "apiVersion": "storage.k8s.io/v1",
        "kind": "StorageClass",
        "metadata": {"name": "by-hand"},
        "provisioner": "kubernetes.io/no-provisioner",
        "allowVolumeExpansion": True,
    }
    admin.send("POST", "/apis/storage.k8s.io/v1/storageclasses", (), storage_class)
    volume = {
        "apiVersion": "v1",
        "kind": "PersistentVolume",
        "metadata": {"name": f"pv-{namespace}"},
        "spec": {
            "capacity": {"storage": "1Gi"},
            "accessModes": ["ReadWriteOnce", "ReadWriteMany"],
            "storageClassName": "by-hand",
            "hostPath": {"path": "/nowhere"},
            "claimRef": {"namespace": namespace, "name": "it"},
        },
    }
    sent(admin, "POST", "/api/v1/persistentvolumes", volume)
    return eventually(
        admin, namespace, "PersistentVolumeClaim", lambda live: live["status"].get("phase") == "Bound"
    )


def eventually(admin: Transport, namespace: str, kind: str, check: Callable[[Json], bool]) -> Json:
    deadline = time.monotonic() + 30
    while True:
        live: Json = msgspec.json.decode(admin.get(RESOURCES[kind].item(namespace, "it")).body)
        if check(live):
            return live
        assert time.monotonic() < deadline, live
        time.sleep(0.1)


@pytest.mark.parametrize("what", CHANGES)
def test_the_server_refuses_a_change_if_and_only_if_the_table_calls_it_immutable(
    admin: Transport, namespace: str, what: str
) -> None:
    kind = what.partition(" ")[0]
    live = made(admin, namespace, what)
    path = RESOURCES[kind].item(namespace, "it")
    differ = {}
    for name, change in CHANGES[what].items():
        live = msgspec.json.decode(admin.get(path).body)
        after = copy.deepcopy(live)
        change(after)
        found = diff(live, after)
        said = bool(immutable(kind, live, found.touched))
        body = [operation_to_json(step) for step in found.operations if step.op != "test"]
        reply = admin.send("PATCH", path, (("dryRun", "All"),), body, "application/json-patch+json")
        assert reply.ok or reply.status in (403, 422), (name, reply.body)
        if said is reply.ok:
            differ[name] = reply.body if not reply.ok else "let through"
    if what.endswith("bound"):
        admin.send("DELETE", f"/api/v1/persistentvolumes/pv-{namespace}", (), None)
    assert differ == {}
