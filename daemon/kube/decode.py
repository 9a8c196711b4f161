"""From response bytes to facts, and keeping 20,000 of them small.

Whole pages and watch lines are decoded straight into partial structs. Pods of one workload say almost the
same: labels, owner, containers, images and states are shared between them, and the conditions of a ready
pod that only repeat it are left out; together that more than halves the memory (benchmarks measure it).
Annotations are dropped but for those that hands-off rules and recovery read.
"""

from __future__ import annotations

from collections.abc import Hashable
from typing import Any, Generic, TypeVar

import msgspec
from msgspec.structs import force_setattr

from detectors.facts import Fact, ListMeta, Pod
from detectors.watched import FACT_TYPES
from remediation.model import OPERATION_ANNOTATION

T = TypeVar("T")
H = TypeVar("H", bound=Hashable)

KEPT_ANNOTATIONS = (
    OPERATION_ANNOTATION,
    "argocd.argoproj.io/",
    "meta.helm.sh/",
    "kustomize.toolkit.fluxcd.io/",
    "helm.toolkit.fluxcd.io/",
    "deployment.kubernetes.io/revision",
    "storageclass.kubernetes.io/is-default-class",
    "storageclass.beta.kubernetes.io/is-default-class",
    "ingressclass.kubernetes.io/is-default-class",
    "kubernetes.io/ingress.class",
    "volume.kubernetes.io/selected-node",
)
"""Prefixes of the annotations that are kept: marks of whoever else manages the object, our own mark, the
revision that orders ReplicaSets, which class is the default one or meant, and that the scheduler chose a claim's node."""


SILENT_WHEN_READY = frozenset(
    {"PodReadyToStartContainers", "Initialized", "ContainersReady", "PodScheduled", "PodHasNetwork"}
)
"""Pod conditions that tell nothing while they are True in a pod that is Ready. A pod that is not keeps all:
when it was scheduled dates how long it has been stuck."""


class Page(msgspec.Struct, Generic[T], gc=False):
    """One page of a list."""

    metadata: ListMeta
    items: list[T] | None = None


class Event(msgspec.Struct, gc=False):
    """One watch line; the object is decoded when its type is known."""

    type: str
    object: msgspec.Raw


class Bookmark(msgspec.Struct, gc=False):
    """A watch line that only moves the resource version on."""

    metadata: ListMeta


class Failure(msgspec.Struct, gc=False):
    """The Status inside an ERROR line."""

    code: int = 0
    reason: str = ""
    message: str = ""


EVENT = msgspec.json.Decoder(Event)
BOOKMARK = msgspec.json.Decoder(Bookmark)
FAILURE = msgspec.json.Decoder(Failure)


class FactDecoder:
    """Decodes one kind. Not shared between threads: each reflector has its own."""

    def __init__(self, kind: str) -> None:
        fact: Any = FACT_TYPES[kind]
        self._page: msgspec.json.Decoder[Page[Fact]] = msgspec.json.Decoder(Page[fact])
        self._object: msgspec.json.Decoder[Fact] = msgspec.json.Decoder(fact)
        self._shared: dict[Any, Any] = {}

    def page(self, body: bytes) -> Page[Fact]:
        """A page of a list. Raises msgspec.MsgspecError."""
        page = self._page.decode(body)
        for fact in page.items or ():
            self._slim(fact)
        return page

    def object(self, raw: msgspec.Raw) -> Fact:
        """The object of a watch line. Raises msgspec.MsgspecError."""
        fact = self._object.decode(raw)
        self._slim(fact)
        return fact

    def forget(self, held: int) -> None:
        """Drop what was shared when it has outgrown the objects held: churn must not grow it for ever."""
        if len(self._shared) > 20_000 + 4 * held:
            self._shared.clear()

    def _slim(self, fact: Fact) -> None:
        meta = fact.metadata
        force_setattr(meta, "namespace", self._share(meta.namespace))
        force_setattr(meta, "labels", self._share_map(meta.labels))
        force_setattr(meta, "owner_references", self._share(meta.owner_references))
        if meta.annotations:
            kept = (
                {}
                if isinstance(fact, Pod)
                else {
                    key: value for key, value in meta.annotations.items() if key.startswith(KEPT_ANNOTATIONS)
                }
            )
            force_setattr(meta, "annotations", self._share_map(kept))
        force_setattr(meta, "creation_timestamp", self._share(meta.creation_timestamp))
        if isinstance(fact, Pod):
            self._slim_pod(fact)

    def _slim_pod(self, pod: Pod) -> None:
        share = self._share
        force_setattr(pod.spec, "containers", share(pod.spec.containers))
        force_setattr(pod.spec, "node_name", share(pod.spec.node_name))
        status = pod.status
        force_setattr(status, "phase", share(status.phase))
        ready = any(kept.type == "Ready" and kept.status == "True" for kept in status.conditions)
        telling = tuple(
            share(condition)
            for condition in status.conditions
            if not ready or condition.status != "True" or condition.type not in SILENT_WHEN_READY
        )
        force_setattr(status, "conditions", telling)
        for container in (*status.container_statuses, *status.init_container_statuses):
            force_setattr(container, "name", share(container.name))
            force_setattr(container, "image", share(container.image))
            force_setattr(container, "state", share(container.state))
            force_setattr(container, "last_state", share(container.last_state))

    def _share(self, value: H) -> H:
        shared: H = self._shared.setdefault(value, value)
        return shared

    def _share_map(self, value: dict[str, str]) -> dict[str, str]:
        shared: dict[str, str] = self._shared.setdefault((dict, *value.items()), value)
        return shared
