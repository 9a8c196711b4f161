"""Objects by kind, namespace and name: what assertions are judged on.

Objects may have been written by a model, so every reader here takes what it finds: a field of the wrong type
reads as absent.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

Json = dict[str, Any]
Key = tuple[str, str, str]
"""Kind, namespace (empty for cluster-scoped kinds), name."""

DEFAULT_NAMESPACE = "default"

CLUSTER_SCOPED = frozenset(
    {
        "APIService",
        "CertificateSigningRequest",
        "ClusterRole",
        "ClusterRoleBinding",
        "CSIDriver",
        "CSINode",
        "CustomResourceDefinition",
        "FlowSchema",
        "GatewayClass",
        "IngressClass",
        "MutatingAdmissionPolicy",
        "MutatingAdmissionPolicyBinding",
        "MutatingWebhookConfiguration",
        "Namespace",
        "Node",
        "PersistentVolume",
        "PriorityClass",
        "PriorityLevelConfiguration",
        "RuntimeClass",
        "StorageClass",
        "ValidatingAdmissionPolicy",
        "ValidatingAdmissionPolicyBinding",
        "ValidatingWebhookConfiguration",
        "VolumeAttachment",
    }
)
"""Kinds without a namespace. Source: `kubectl api-resources --namespaced=false` of 1.36, and Gateway API."""


def mapping(value: object) -> Json:
    """The value where it is a map, else an empty one."""
    return value if isinstance(value, dict) else {}


def maps(value: object) -> list[Json]:
    """The maps of a list; empty where the value is no list."""
    return [item for item in value if isinstance(item, dict)] if isinstance(value, list) else []


def texts(value: object) -> list[str]:
    """The strings of a list; empty where the value is no list."""
    return [item for item in value if isinstance(item, str)] if isinstance(value, list) else []


def dig(value: object, *names: str) -> Any:
    """The value below these map keys, None where there is none."""
    for name in names:
        if not isinstance(value, dict):
            return None
        value = value.get(name)
    return value


def namespace_of(obj: Json) -> str:
    """The namespace in which kubectl would put the object; empty for cluster-scoped kinds."""
    if obj.get("kind") in CLUSTER_SCOPED:
        return ""
    return str(dig(obj, "metadata", "namespace") or DEFAULT_NAMESPACE)


def key_of(obj: Json) -> Key:
    """What makes the object this object."""
    return str(obj.get("kind", "")), namespace_of(obj), str(dig(obj, "metadata", "name") or "")


@dataclass(frozen=True, slots=True)
class State:
    """All objects at one moment. The maps are not to be changed."""

    objects: Mapping[Key, Json]

    @classmethod
    def of(cls, *groups: Iterable[Json]) -> State:
        """The objects of each group; a later one stands in the place of an earlier one of the same key."""
        return cls({key_of(obj): obj for group in groups for obj in group})

    def overlaid(self, objects: Iterable[Json]) -> State:
        """This state with these objects in place of those of the same key."""
        return State({**self.objects, **{key_of(obj): obj for obj in objects}})

    def get(self, kind: str, namespace: str, name: str) -> Json | None:
        """The object, None where there is none. The namespace of a cluster-scoped kind does not matter."""
        return self.objects.get((kind, "" if kind in CLUSTER_SCOPED else namespace, name))

    def of_kind(self, kind: str, namespace: str | None = None) -> Iterator[Json]:
        """The objects of a kind, of one namespace where it is named."""
        for (found, where, _), obj in self.objects.items():
            if found == kind and namespace in {None, where}:
                yield obj

    def named(self, kind: str, name: str, namespace: str | None = None) -> list[Json]:
        """The objects of that kind and name; several where namespaces differ and none is asked for."""
        return [obj for obj in self.of_kind(kind, namespace) if key_of(obj)[2] == name]
