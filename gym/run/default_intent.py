"""The one intent that every case gets: once for each namespace that holds objects of the case, and otherwise the same.

It names no object, no value and no fault, so nothing of an answer can be in it. It opens what fixes touch in
practice, and lets the daemon recreate what cannot be changed in place; what guards hold back all the same
(commands, service accounts, mounts) stays held back.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import yaml

from gym.cases.model import Case
from gym.cases.state import CLUSTER_SCOPED, namespace_of
from intents.model import API_VERSION

Json = dict[str, Any]

WINDOW, TIMEOUT = "10s", "60s"
"""Of the verification. A person or a table waits for the practice; the product's own default window is 60 s."""

_PROBE = ("httpGet.path", "httpGet.port", "tcpSocket.port")
_PROBE_TIMES = ("initialDelaySeconds", "periodSeconds", "timeoutSeconds", "failureThreshold")
_CONTAINER = (
    "image",
    "command[*]",
    "args[*]",
    "env[*].value",
    "env[*].valueFrom.configMapKeyRef.name",
    "env[*].valueFrom.configMapKeyRef.key",
    "envFrom[*].configMapRef.name",
    "ports[*].containerPort",
    "ports[*].name",
    "resources.requests.*",
    "resources.limits.*",
    *(
        f"{probe}.{leaf}"
        for probe in ("readinessProbe", "livenessProbe", "startupProbe")
        for leaf in (*_PROBE, *_PROBE_TIMES)
    ),
)
_INIT_CONTAINER = ("image", "command[*]", "args[*]", "env[*].value", "env[*].valueFrom.configMapKeyRef.key")
_POD = (
    *(f"containers[*].{leaf}" for leaf in _CONTAINER),
    *(f"initContainers[*].{leaf}" for leaf in _INIT_CONTAINER),
    "nodeSelector.*",
    "priorityClassName",
    "serviceAccountName",
    "volumes[*].configMap.name",
    "volumes[*].configMap.items[*].key",
    "volumes[*].persistentVolumeClaim.claimName",
)
_OWN = {
    "Deployment": ("spec.replicas",),
    "StatefulSet": ("spec.replicas", "spec.serviceName"),
    "DaemonSet": (),
    "Job": (),
    "Pod": (),
    "PersistentVolumeClaim": ("spec.storageClassName", "spec.accessModes[*]", "spec.resources.requests.*"),
    "Service": ("spec.selector.*", "spec.ports[*].targetPort"),
    "ConfigMap": ("data.*",),
}


def default_intents(case: Case) -> tuple[Json, ...]:
    """The intents of a case, one for each of its namespaces."""
    stated = (obj for obj in case.broken if obj.get("kind") not in CLUSTER_SCOPED)
    return tuple(default_intent(namespace) for namespace in sorted({namespace_of(obj) for obj in stated}))


def default_intent(namespace: str) -> Json:
    """The intent for one namespace."""
    return {
        "apiVersion": API_VERSION,
        "kind": "Intent",
        "metadata": {"name": f"keep-{namespace}"[:63].rstrip("-.")},
        "spec": {
            "mode": "auto",
            "scope": {"namespace": namespace},
            "expectations": [{"type": "workloadHealthy"}, {"type": "objectsHealthy"}],
            "editable": list(_editable()),
            "recreate": ["StatefulSet", "Job", "Pod", "PersistentVolumeClaim"],
            "verification": {"window": WINDOW, "timeout": TIMEOUT},
        },
    }


def as_text(intent: Json) -> str:
    """The intent as a file."""
    return yaml.safe_dump(intent, sort_keys=False)


def _editable() -> Iterator[Json]:
    for kind, own in _OWN.items():
        inside = {"Pod": "spec."}.get(kind, "spec.template.spec.")
        pods = _POD if kind not in ("PersistentVolumeClaim", "Service", "ConfigMap") else ()
        for path in (*own, *(inside + leaf for leaf in pods)):
            yield {"kind": kind, "path": path}
