"""Worlds of any kind, from the JSON that the API server sends; every kind is there, empty unless said otherwise."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from detectors.facts import Fact
from detectors.judge import judge
from detectors.model import Gap, Judgement, Observation, Violation
from detectors.watched import FACT_TYPES
from tests.fakes.world import NAMESPACE, NOW, decode, intent, metadata, unreadable, when

Json = dict[str, Any]
Item = tuple[str, Fact]
CLUSTER_WIDE = ("IngressClass", "Node", "PersistentVolume", "StorageClass")


def item(kind: str, name: str, document: Json | None = None, *, age: float = 3600, **meta: Any) -> Item:
    """An object of this age; `document` holds what stands beside metadata."""
    namespace = "" if kind in CLUSTER_WIDE else meta.pop("namespace", NAMESPACE)
    said = metadata(kind, name, namespace, **{"creationTimestamp": when(age), **meta})
    return kind, decode(FACT_TYPES[kind], {"metadata": said, **(document or {})})


def workload(
    name: str,
    labels: Mapping[str, str] | None = None,
    *,
    kind: str = "Deployment",
    ports: Iterable[Json] = (),
    replicas: int = 1,
) -> Item:
    """A healthy workload whose template says these labels and ports."""
    template = {
        "metadata": {"labels": dict(labels or {"app": name})},
        "spec": {"containers": [{"name": "app", "image": "shop/web:1", "ports": list(ports)}]},
    }
    status = {"observedGeneration": 1, "replicas": replicas, "availableReplicas": replicas}
    return item(
        kind, name, {"spec": {"replicas": replicas, "template": template}, "status": status}, generation=1
    )


def cond(kind: str, status: str, reason: str = "", message: str = "", *, ago: float = 3600) -> Json:
    """A condition that has been so for `ago` seconds."""
    return {
        "type": kind,
        "status": status,
        "reason": reason,
        "message": message,
        "lastTransitionTime": when(ago),
    }


def world_of(*items: Item, gaps: Iterable[str] = (), at: float = NOW) -> Observation:
    """These objects, and nothing else; kinds in `gaps` cannot be read."""
    objects: dict[str, dict[tuple[str, str], Fact] | Gap] = {kind: {} for kind in FACT_TYPES}
    for kind, fact in items:
        held = objects[kind]
        assert isinstance(held, dict)
        held[(fact.metadata.namespace, fact.metadata.name)] = fact
    objects.update({kind: unreadable(kind) for kind in gaps})
    return Observation(at=at, objects=objects)


def look(*items: Item, kinds: Iterable[str] = (), gaps: Iterable[str] = (), **expectation: Any) -> Judgement:
    """What `objectsHealthy` finds in these objects."""
    wish: Json = {"type": "objectsHealthy", **expectation}
    wish |= {"kinds": list(kinds)} if kinds else {}
    return judge([intent(wish)], world_of(*items, gaps=gaps))


def told(judgement: Judgement) -> list[tuple[str, str, str]]:
    """Class, reason and target of each violation."""
    return [(v.fault_class.value, v.reason, str(v.target)) for v in judgement.violations]


def only(judgement: Judgement) -> Violation:
    """The one violation that there is."""
    (found,) = judgement.violations
    return found


def settling(judgement: Judgement) -> set[str]:
    """The targets that are neither broken nor whole."""
    return {str(waits.target) for waits in judgement.settling}
