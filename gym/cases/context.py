"""The cluster around a case: its nodes, and objects of which only the name matters."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Annotated, Any

from pydantic import BaseModel, BeforeValidator, ConfigDict

Json = dict[str, Any]
_STRICT = ConfigDict(extra="forbid", frozen=True, strict=True)


class Taint(BaseModel):
    """A node's taint."""

    model_config = _STRICT

    key: str
    value: str = ""
    effect: str


class Node(BaseModel):
    """A node as far as scheduling goes. Quantities as Kubernetes writes them."""

    model_config = _STRICT

    name: str
    labels: dict[str, str] = {}
    allocatable: dict[str, str | int] = {}
    taints: tuple[Taint, ...] = ()
    unschedulable: bool = False

    def as_object(self) -> Json:
        """The node as the API server would store it."""
        spec: Json = {"taints": [taint.model_dump() for taint in self.taints]} if self.taints else {}
        if self.unschedulable:
            spec["unschedulable"] = True
        amounts = {name: str(amount) for name, amount in self.allocatable.items()}
        return {
            "apiVersion": "v1",
            "kind": "Node",
            "metadata": {"name": self.name, "labels": dict(self.labels)},
            "spec": spec,
            "status": {"allocatable": amounts, "capacity": dict(amounts)},
        }


class Existing(BaseModel):
    """An object that exists, of which only the name is told; of a Secret or ConfigMap perhaps its keys.
    Without a namespace it exists wherever it is looked for."""

    model_config = _STRICT

    name: str
    namespace: str | None = None
    keys: tuple[str, ...] | None = None


def _named(value: object) -> object:
    """A list of names, or of objects with a name; or names with their keys."""
    if isinstance(value, dict):
        value = [{"name": name, "keys": keys} for name, keys in value.items()]
    if not isinstance(value, list):
        return value
    return tuple(_entry(item) for item in value)


def _entry(item: object) -> object:
    """A strict field takes tuples, not lists, after a validator in Python."""
    if isinstance(item, str):
        return {"name": item}
    if isinstance(item, dict) and isinstance(item.get("keys"), list):
        return {**item, "keys": tuple(item["keys"])}
    return item


class ContextFile(BaseModel):
    """`cluster_context` of case.json."""

    model_config = _STRICT

    nodes: tuple[Node, ...] = ()
    existing: dict[str, Annotated[tuple[Existing, ...], BeforeValidator(_named)]] = {}


@dataclass(frozen=True, slots=True)
class ClusterContext:
    """The cluster around a case. Without nodes, nothing can be said about scheduling."""

    nodes: tuple[Node, ...] = ()
    existing: dict[str, tuple[Existing, ...]] = field(default_factory=dict)

    def named(self, kind: str, namespace: str, name: str) -> Iterator[Existing]:
        """The entries of that name that are visible from the namespace."""
        for entry in self.existing.get(kind, ()):
            if entry.name == name and entry.namespace in {None, namespace}:
                yield entry
