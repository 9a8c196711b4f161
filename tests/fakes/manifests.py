"""Builders of whole Kubernetes objects as the API server sends them, for evidence and candidates.

`tests/fakes/world.py` builds the detectors' partial facts; here are the full JSON objects that a case's
evidence is read from, with defaults and bookkeeping fields in place.
"""

from __future__ import annotations

from typing import Any

from detectors.model import Case, CaseKey, CaseReason, FaultClass, ObjectRef, Severity, Violation
from intents.model import Intent

Json = dict[str, Any]
HASH = "7f9c6d5b4d"
UID = "0d3c1f5e-6f0a-4a5e-9a57-0c8a2f6c1b11"


def metadata(name: str, namespace: str = "shop", **more: Any) -> Json:
    return {
        "name": name,
        "namespace": namespace,
        "uid": UID,
        "resourceVersion": "48211",
        "creationTimestamp": "2025-03-01T10:00:00Z",
        "managedFields": [{"manager": "kubectl", "operation": "Update"}],
        **more,
    }


def container(name: str = "app", image: str = "shop/web:1.4", **more: Any) -> Json:
    return {
        "name": name,
        "image": image,
        "imagePullPolicy": "IfNotPresent",
        "resources": {},
        "terminationMessagePath": "/dev/termination-log",
        "terminationMessagePolicy": "File",
        **more,
    }


def deployment(
    name: str = "web", *containers: Json, labels: dict[str, str] | None = None, replicas: int = 1, **pod: Any
) -> Json:
    labels = labels or {"app": name}
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": metadata(
            name, generation=4, labels=labels, annotations={"deployment.kubernetes.io/revision": "4"}
        ),
        "spec": {
            "replicas": replicas,
            "selector": {"matchLabels": labels},
            "strategy": {
                "type": "RollingUpdate",
                "rollingUpdate": {"maxSurge": "25%", "maxUnavailable": "25%"},
            },
            "template": {
                "metadata": {"creationTimestamp": None, "labels": labels},
                "spec": {
                    "containers": list(containers) or [container()],
                    "restartPolicy": "Always",
                    "dnsPolicy": "ClusterFirst",
                    "schedulerName": "default-scheduler",
                    "securityContext": {},
                    **pod,
                },
            },
        },
        "status": {"observedGeneration": 4, "replicas": replicas, "unavailableReplicas": replicas},
    }


def replica_set(owner: Json, revision: int, *containers: Json, replicas: int = 1, ready: int = 0) -> Json:
    name = f"{owner['metadata']['name']}-{revision}a9c6d5b4d"
    template = {
        **owner["spec"]["template"],
        "spec": {**owner["spec"]["template"]["spec"], "containers": list(containers)},
    }
    template["metadata"] = {
        "labels": {
            **owner["spec"]["template"]["metadata"]["labels"],
            "pod-template-hash": f"{revision}a9c6d5b4d",
        }
    }
    return {
        "apiVersion": "apps/v1",
        "kind": "ReplicaSet",
        "metadata": metadata(
            name,
            annotations={"deployment.kubernetes.io/revision": str(revision)},
            ownerReferences=[
                {"kind": "Deployment", "name": owner["metadata"]["name"], "uid": UID, "controller": True}
            ],
        ),
        "spec": {"replicas": replicas, "template": template},
        "status": {"replicas": replicas, "readyReplicas": ready},
    }


def pod(
    owner: Json, status: Json | None = None, *, suffix: str = "x2x9z", containers: list[Json] | None = None
) -> Json:
    name = owner["metadata"]["name"]
    template = owner["spec"]["template"]
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": metadata(
            f"{name}-{HASH}-{suffix}",
            labels={**template["metadata"]["labels"], "pod-template-hash": HASH},
            ownerReferences=[
                {"kind": "ReplicaSet", "name": f"{name}-{HASH}", "uid": UID, "controller": True}
            ],
        ),
        "spec": {
            **template["spec"],
            "nodeName": "node-1",
            "containers": containers or template["spec"]["containers"],
        },
        "status": status or {"phase": "Running"},
    }


def waiting(
    reason: str, message: str = "", *, name: str = "app", restarts: int = 0, last: Json | None = None
) -> Json:
    return {
        "phase": "Pending",
        "containerStatuses": [
            {
                "name": name,
                "image": "shop/web:1.4",
                "ready": False,
                "restartCount": restarts,
                "started": False,
                "state": {"waiting": {"reason": reason, "message": message}},
                "lastState": {"terminated": last} if last else {},
            }
        ],
    }


def running(name: str = "app", *, ready: bool = True) -> Json:
    return {
        "phase": "Running",
        "containerStatuses": [
            {
                "name": name,
                "ready": ready,
                "restartCount": 0,
                "started": True,
                "state": {"running": {"startedAt": "2025-03-01T10:00:00Z"}},
                "lastState": {},
            }
        ],
    }


def service(name: str = "web", selector: dict[str, str] | None = None, target_port: int | str = 8080) -> Json:
    return {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": metadata(name),
        "spec": {
            "selector": {"app": name} if selector is None else selector,
            "ports": [{"port": 80, "protocol": "TCP", "targetPort": target_port}],
            "clusterIP": "10.96.14.2",
            "clusterIPs": ["10.96.14.2"],
            "type": "ClusterIP",
            "sessionAffinity": "None",
        },
        "status": {"loadBalancer": {}},
    }


def config_map(name: str = "web-config", **data: str) -> Json:
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata(name), "data": data}


def event(reason: str, message: str, *, at: str = "2025-03-01T10:05:00Z", type_: str = "Warning") -> Json:
    return {
        "kind": "Event",
        "metadata": metadata(f"web.{abs(hash(message)) % 1000}"),
        "involvedObject": {"kind": "Pod", "name": f"web-{HASH}-x2x9z"},
        "reason": reason,
        "message": message,
        "type": type_,
        "count": 4,
        "lastTimestamp": at,
    }


def env_from_key(variable: str, config: str, key: str) -> Json:
    return {"name": variable, "valueFrom": {"configMapKeyRef": {"name": config, "key": key}}}


def ref(obj: Json) -> ObjectRef:
    meta = obj["metadata"]
    return ObjectRef(obj["kind"], meta["namespace"], meta["name"], meta["uid"])


def related(*objects: Json) -> dict[ObjectRef, Json]:
    return {ref(obj): obj for obj in objects}


def case(
    fault: FaultClass, target: ObjectRef, reason: str = "", message: str = "", container: str | None = "app"
) -> Case:
    violation = Violation(
        intent="web-healthy",
        expectation=0,
        detector="test",
        fault_class=fault,
        severity=Severity.CRITICAL,
        target=target,
        subject=target,
        reason=reason or fault.value,
        message=message,
        container=container,
    )
    key = CaseKey("web-healthy", target.kind, target.namespace, target.name)
    return Case(key, target, CaseReason.MENDABLE, (violation,))


APP = "spec.template.spec.containers[*]"
OPEN = (
    ("Deployment", f"{APP}.image"),
    ("Deployment", f"{APP}.env[*].value"),
    ("Deployment", f"{APP}.env[*].valueFrom.configMapKeyRef.key"),
    ("Deployment", f"{APP}.env[*].valueFrom.configMapKeyRef.name"),
    ("Deployment", f"{APP}.envFrom"),
    ("Deployment", f"{APP}.resources.limits.memory"),
    ("Deployment", f"{APP}.resources.requests.memory"),
    ("Deployment", f"{APP}.readinessProbe.httpGet.port"),
    ("Deployment", "spec.template.spec.volumes[*].configMap.items"),
    ("Deployment", "spec.template.spec.volumes[*].configMap.name"),
    ("Service", "spec.selector.*"),
    ("Service", "spec.ports[*].targetPort"),
    ("ConfigMap", "data.*"),
)


def intent(editable: tuple[tuple[str, str], ...] = OPEN) -> Intent:
    return Intent.model_validate(
        {
            "apiVersion": "intentd.io/v1alpha1",
            "kind": "Intent",
            "metadata": {"name": "web-healthy"},
            "spec": {
                "scope": {"namespace": "shop"},
                "expectations": [{"type": "workloadHealthy"}],
                "editable": [{"kind": kind, "path": path} for kind, path in editable],
            },
        }
    )
