"""The cluster of a case as objects: what a daemon may see of it, and nothing else.

Both functions take a `Case`, which holds no answers, so nothing for scoring can slip through them.
"""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Callable, Mapping

from gym.cases.context import Existing
from gym.cases.model import Case
from gym.cases.state import CLUSTER_SCOPED, Json, State, namespace_of
from gym.paths import GymError

_EMPTY = b64encode(b"-").decode()

_MINIMAL: Mapping[str, Callable[[Existing], Json]] = {
    "ClusterRole": lambda _: {"apiVersion": "rbac.authorization.k8s.io/v1", "rules": []},
    "ConfigMap": lambda one: {"apiVersion": "v1", "data": dict.fromkeys(one.keys or (), "-")},
    "IngressClass": lambda _: {
        "apiVersion": "networking.k8s.io/v1",
        "spec": {"controller": "gym.intentd.io/none"},
    },
    "Namespace": lambda _: {"apiVersion": "v1"},
    "PriorityClass": lambda _: {"apiVersion": "scheduling.k8s.io/v1", "value": 0},
    "Role": lambda _: {"apiVersion": "rbac.authorization.k8s.io/v1", "rules": []},
    "RuntimeClass": lambda _: {"apiVersion": "node.k8s.io/v1", "handler": "runc"},
    "Secret": lambda one: {"apiVersion": "v1", "data": dict.fromkeys(one.keys or (), _EMPTY)},
    "Service": lambda _: {"apiVersion": "v1", "spec": {"ports": [{"port": 80}]}},
    "ServiceAccount": lambda _: {"apiVersion": "v1"},
    "StorageClass": lambda _: {
        "apiVersion": "storage.k8s.io/v1",
        "provisioner": "kubernetes.io/no-provisioner",
    },
}
"""The least that the API server accepts of kinds of which a case may tell only the name."""


def visible(case: Case) -> tuple[Json, ...]:
    """All objects of the case's cluster: nodes and named objects of its context, its inventory, the broken
    ones. Raises GymError where the context names a kind that cannot be made of a name alone."""
    stated = (*case.inventory, *case.broken)
    nodes = [node.as_object() for node in case.context.nodes]
    namespaces = dict.fromkeys(namespace_of(obj) for obj in stated if namespace_of(obj))
    existing = [
        obj
        for kind, entries in case.context.existing.items()
        for entry in entries
        for obj in _objects(kind, entry, [*namespaces])
    ]
    return tuple(State.of(nodes, existing, stated).objects.values())


def state_of(case: Case) -> State:
    """The state that assertions are judged on before anything is done: broken objects and inventory. Nodes
    and names stay in the case's context."""
    return State.of(case.inventory, case.broken)


def _objects(kind: str, entry: Existing, namespaces: list[str]) -> list[Json]:
    """The named object, once in each namespace of the case where it names none."""
    make = _MINIMAL.get(kind)
    if make is None:
        raise GymError(
            f"cluster_context.existing names {kind}/{entry.name}, which a name alone does not make",
            "Write the whole object into inventory.yaml",
        )
    if kind in CLUSTER_SCOPED:
        return [{**make(entry), "kind": kind, "metadata": {"name": entry.name}}]
    return [
        {**make(entry), "kind": kind, "metadata": {"name": entry.name, "namespace": namespace}}
        for namespace in ([entry.namespace] if entry.namespace else namespaces)
    ]
