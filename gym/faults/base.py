"""What a fault of the catalogue is: a healthy workload, what breaks it, the intent that guards it, and how
it must end. Demo, scenarios, benchmarks and chaos tests all read it from here.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from detectors.model import FaultClass
from intents.fields import MISSING, get, parse_path
from remediation.model import Outcome

Json = dict[str, Any]

NAMESPACE = "shop"
IMAGE = "gym.intentd.io/workload:v1"
VERIFICATION = "verification: {window: 10s, timeout: 90s}"
"""Of every intent here. A person waits for the practice; the default window is six times longer."""


@dataclass(frozen=True, slots=True)
class Breakage:
    """A change that breaks one object of a healthy workload (strategic merge, as `kubectl patch` sends it)."""

    kind: str
    name: str
    patch: Json


@dataclass(frozen=True, slots=True)
class Outage:
    """Something outside the cluster goes away: the running pods of `app` begin to answer with errors at this
    rate. No manifest shows it, so none can mend it."""

    app: str
    fail_rate: float


@dataclass(frozen=True, slots=True)
class RightField:
    """One field as it must be in the end. `right` judges the value; an absent one is never right."""

    path: str
    right: Callable[[object], bool]
    means: str

    def holds(self, document: Json) -> bool:
        found = get(document, parse_path(self.path))
        return found is not MISSING and self.right(found)


@dataclass(frozen=True, slots=True)
class Fault:
    """One fault.

    `objects` are created in order, the last one is the workload. Without a `breakage` they are broken from
    the start: there never was a good state to go back to. `fixed` lists the fields of `target` that a right
    fix leaves so; it is empty exactly where no patch can mend the cause and `outcome` is Escalated.
    """

    name: str
    title: str
    target: tuple[str, str]  # kind, name
    objects: tuple[Json, ...]
    intent: str
    fault_class: FaultClass
    outcome: Outcome
    breakage: Breakage | Outage | None = None
    fixed: tuple[RightField, ...] = ()
    namespace: str = NAMESPACE
    needs_containers: bool = True
    needs_metrics: bool = False
    waits_for: tuple[tuple[str, str], ...] = field(default=())
    """Objects whose last known good must be stored before the fault comes (kind, name)."""

    @property
    def intent_name(self) -> str:
        """The intent carries the fault's name, so that cases are found by it."""
        return self.name

    def is_right(self, target: Json) -> bool:
        """Whether the target, as read or as merged, is what a right fix makes of it."""
        return bool(self.fixed) and all(each.holds(target) for each in self.fixed)


def equals(wanted: object) -> Callable[[object], bool]:
    """A field with one right value."""
    return lambda found: found == wanted


def deployment(
    name: str, *, env: tuple[Json, ...] = (), memory: str = "64Mi", replicas: int = 2, scrape: bool = False
) -> Json:
    """A Deployment of the gym's workload that becomes ready within about two seconds."""
    notes = {"prometheus.io/scrape": "true", "prometheus.io/port": "8080"} if scrape else {}
    container = {
        "name": "app",
        "image": IMAGE,
        "imagePullPolicy": "IfNotPresent",
        "env": [{"name": "SERVICE", "value": name}, *env],
        "ports": [{"name": "http", "containerPort": 8080}],
        "resources": {"requests": {"cpu": "10m", "memory": "16Mi"}, "limits": {"memory": memory}},
        "readinessProbe": {"httpGet": {"path": "/healthz", "port": 8080}, "periodSeconds": 1},
    }
    labels = {"app": name}
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": name, "namespace": NAMESPACE, "labels": labels},
        "spec": {
            "replicas": replicas,
            "selector": {"matchLabels": labels},
            "template": {
                "metadata": {"labels": labels, "annotations": notes},
                "spec": {"terminationGracePeriodSeconds": 1, "containers": [container]},
            },
        },
    }


def pod_change(container: Mapping[str, Any]) -> Json:
    """A patch of the pod template's container `app`."""
    return {"spec": {"template": {"spec": {"containers": [{"name": "app", **container}]}}}}
