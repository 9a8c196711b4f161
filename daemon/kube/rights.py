"""What the daemon may ask of an API server: one table, and the reason for each verb in it.

deploy/manifests grants exactly this (a test holds the two together), and `intentd doctor` asks the server for
exactly this. Whoever adds a call to the API adds its right here. There is no wildcard, and no Secret.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

from daemon.kube.kinds import CORE, RESOURCES


class Right(NamedTuple):
    """One verb on one resource; a subresource stands behind a slash, as in RBAC."""

    verb: str
    group: str
    resource: str


def _rights(group: str, resources: str, verbs: str) -> frozenset[Right]:
    return frozenset(Right(verb, group, resource) for resource in resources.split() for verb in verbs.split())


READ = (
    # Watched all the time (decode.FACT_TYPES), listed again and read by name as evidence.
    _rights("", "pods services", "get list watch")
    | _rights("apps", "deployments statefulsets daemonsets replicasets", "get list watch")
    | _rights("discovery.k8s.io", "endpointslices", "list watch")
    # Watched while an intent asks for them (detectors.watched): objectsHealthy, clusterHealthy. Jobs and CronJobs are
    # also listed before a ConfigMap or a Service is written: whose pods would notice.
    | _rights("batch", "jobs cronjobs", "list watch")
    | _rights("networking.k8s.io", "ingresses ingressclasses networkpolicies", "list watch")
    | _rights("gateway.networking.k8s.io", "gateways httproutes", "list watch")
    | _rights("storage.k8s.io", "storageclasses", "list watch")
    | _rights(
        "admissionregistration.k8s.io",
        "validatingwebhookconfigurations mutatingwebhookconfigurations",
        "list watch",
    )
    | _rights("", "nodes persistentvolumes persistentvolumeclaims resourcequotas", "list watch")
    # Read on demand: what pods refer to, what was said of them, who else scales them.
    | _rights("", "configmaps", "get list")
    | _rights("", "events", "list")
    | _rights("", "pods/log", "get")
    | _rights("autoscaling", "horizontalpodautoscalers", "list watch")
    # Read before a write: whose pods must stay, who sizes them, and whether the namespace's owner opted in.
    | _rights("policy", "poddisruptionbudgets", "list watch")
    | _rights("autoscaling.k8s.io", "verticalpodautoscalers", "list")
    | _rights("", "namespaces", "get")
)
"""To observe and to diagnose."""

MEND = _rights("apps", "deployments statefulsets daemonsets", "patch") | _rights(
    "", "services configmaps", "patch"
)
"""To apply a fix and to undo it."""

PROVISION = _rights("apps", "deployments statefulsets daemonsets", "create delete") | _rights(
    "", "services configmaps", "create delete"
)
"""To provision a desired manifest that is absent, and to undo that. Bound by nobody until an operator does."""

RECREATE = (
    _rights("apps", "statefulsets", "create delete")
    | _rights("batch", "jobs", "get create delete")
    | _rights("", "persistentvolumeclaims", "get create delete")
    | _rights("", "pods", "create delete")
)
"""To recreate what intents name in `spec.recreate`. Bound by nobody until an operator does."""


def recreating(kinds: Iterable[str]) -> frozenset[Right]:
    """What of it these kinds need."""
    wanted = {(RESOURCES[kind].prefix, RESOURCES[kind].plural) for kind in kinds}
    return frozenset(right for right in RECREATE if (_prefix(right.group), right.resource) in wanted)


def _prefix(group: str) -> str:
    return f"/apis/{group}/v1" if group else CORE


REHEARSE = _rights("", "pods", "create delete")
"""To try a changed pod template as a canary, and to take that away. Bound by nobody until an operator does."""
