"""The indexed side of an Observation: who owns which pods, computed once, whatever the number of intents.

Ownership goes by controller references alone: Pod -> ReplicaSet -> Deployment, or Pod -> StatefulSet,
DaemonSet, Job. A reference carries the owner's uid, so pods of a deleted namesake never count.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property

from detectors.facts import EndpointSlice, Fact, ObjectMeta, Owner, Pod, Workload, labels_match
from detectors.model import Name, ObjectRef, Observation
from detectors.pods import alive, quiet
from detectors.rollout import Rollout, rollout_of
from intents.model import WORKLOAD_KINDS, Scope

SERVICE_NAME = "kubernetes.io/service-name"
REVISION = "deployment.kubernetes.io/revision"


def ref(kind: str, meta: ObjectMeta) -> ObjectRef:
    """The reference to an object that was read."""
    return ObjectRef(kind, meta.namespace, meta.name, meta.uid)


@dataclass(frozen=True, slots=True)
class Workers:
    """One workload with the pods that count for its health.

    `pods` are alive and of the newest template; `older` are alive but of an earlier ReplicaSet, which a
    rollout is about to remove; `troubled` are those of `pods` that are not plainly healthy.
    """

    ref: ObjectRef
    workload: Workload
    rollout: Rollout
    pods: tuple[Pod, ...]
    older: tuple[Pod, ...]
    leaving: int
    troubled: tuple[Pod, ...]


@dataclass(frozen=True)
class World:
    """An Observation with its indexes. Build one per look; each index is made when first asked for."""

    observation: Observation
    _workers: dict[tuple[str, str, str], Workers] = field(default_factory=dict)

    @property
    def at(self) -> float:
        """The turn's time, Unix seconds."""
        return self.observation.at

    @cached_property
    def pods_by_owner(self) -> Mapping[ObjectRef, list[Pod]]:
        """Pods by top owner, in the order of the list."""
        found: dict[ObjectRef, list[Pod]] = {}
        tops: dict[tuple[str, str], ObjectRef] = {}
        for pod in self.observation.pods().values():
            meta = pod.metadata
            owner = controller(meta)
            if owner is None:
                found.setdefault(ref("Pod", meta), []).append(pod)
                continue
            known = owner.uid or f"{owner.kind}/{owner.name}", meta.namespace
            top = tops.get(known)
            if top is None:
                top = tops[known] = self._top(owner, meta.namespace)
            pods = found.get(top)
            if pods is None:
                found[top] = [pod]
            else:
                pods.append(pod)
        return found

    def top_owner(self, pod: Pod) -> ObjectRef:
        """The object whose template a fix would change."""
        owner = controller(pod.metadata)
        return ref("Pod", pod.metadata) if owner is None else self._top(owner, pod.metadata.namespace)

    def _top(self, owner: Owner, namespace: str) -> ObjectRef:
        if owner.kind == "ReplicaSet":
            replica_set = self.observation.workloads("ReplicaSet").get((namespace, owner.name))
            if replica_set is not None:
                above = controller(replica_set.metadata)
                if above is not None:
                    return ObjectRef(above.kind, namespace, above.name, above.uid)
        return ObjectRef(owner.kind, namespace, owner.name, owner.uid)

    @cached_property
    def _newest_sets(self) -> Mapping[ObjectRef, Workload]:
        """The ReplicaSet of the newest revision of each Deployment."""
        newest: dict[ObjectRef, Workload] = {}
        for replica_set in self.observation.workloads("ReplicaSet").values():
            owner = controller(replica_set.metadata)
            if owner is None:
                continue
            deployment = ObjectRef(owner.kind, replica_set.metadata.namespace, owner.name, owner.uid)
            other = newest.get(deployment)
            if other is None or revision(replica_set) > revision(other):
                newest[deployment] = replica_set
        return newest

    def newest_set(self, deployment: ObjectRef) -> Workload | None:
        """The ReplicaSet that carries the Deployment's newest template, as far as its controller got."""
        return self._newest_sets.get(deployment)

    @cached_property
    def _by_namespace(self) -> Mapping[tuple[str, str], list[Workload]]:
        found: dict[tuple[str, str], list[Workload]] = {}
        for kind in WORKLOAD_KINDS:
            for (namespace, _), workload in self.observation.workloads(kind).items():
                found.setdefault((kind, namespace), []).append(workload)
        return found

    def in_scope(self, scope: Scope) -> list[Workers]:
        """The workloads that a scope selects; none for a scope of kind Service."""
        return [
            self.workers(kind, workload)
            for kind in scope_kinds(scope)
            for workload in self._candidates(kind, scope)
            if not scope.match_labels or labels_match(scope.match_labels, workload.metadata.labels)
        ]

    def _candidates(self, kind: str, scope: Scope) -> list[Workload]:
        if scope.name is None:
            return self._by_namespace.get((kind, scope.namespace), [])
        named = self.observation.workloads(kind).get((scope.namespace, scope.name))
        return [] if named is None else [named]

    def workers(self, kind: str, workload: Workload) -> Workers:
        """The workload with its pods, worked out once however many intents ask."""
        key = (kind, workload.metadata.namespace, workload.metadata.name)
        known = self._workers.get(key)
        if known is None:
            known = self._workers[key] = self._gather(ref(kind, workload.metadata), workload)
        return known

    def _gather(self, target: ObjectRef, workload: Workload) -> Workers:
        every = self.pods_by_owner.get(target, [])
        living = [pod for pod in every if alive(pod)]
        current, older = living, list[Pod]()
        newest = self.newest_set(target) if target.kind == "Deployment" else None
        if newest is not None and newest.spec.replicas != 0:
            name = newest.metadata.name
            current = [pod for pod in living if _owned_by(pod, name)]
            if len(current) != len(living):
                older = [pod for pod in living if not _owned_by(pod, name)]
        leaving = sum(1 for pod in every if pod.metadata.deletion_timestamp is not None)
        return Workers(
            ref=target,
            workload=workload,
            rollout=rollout_of(target.kind, workload),
            pods=tuple(current),
            older=tuple(older),
            leaving=leaving,
            troubled=tuple(pod for pod in current if not quiet(pod)),
        )

    @cached_property
    def _slices(self) -> Mapping[Name, list[EndpointSlice]]:
        found: dict[Name, list[EndpointSlice]] = {}
        for (namespace, _), part in self.observation.endpoint_slices().items():
            service = part.metadata.labels.get(SERVICE_NAME)
            if service:
                found.setdefault((namespace, service), []).append(part)
        return found

    def slices_of(self, service: Name) -> list[EndpointSlice]:
        """The EndpointSlices that belong to a Service."""
        return self._slices.get(service, [])

    def selected(self, namespace: str, selector: dict[str, str]) -> list[Pod]:
        """The living pods that an equality selector selects."""
        return [
            pod
            for (where, _), pod in self.observation.pods().items()
            if where == namespace and labels_match(selector, pod.metadata.labels) and alive(pod)
        ]

    def find(self, target: ObjectRef) -> Fact | None:
        """The object under this name, where its kind is observed."""
        objects = self.observation.objects.get(target.kind)
        return objects.get((target.namespace, target.name)) if isinstance(objects, Mapping) else None


def scope_kinds(scope: Scope) -> tuple[str, ...]:
    """The workload kinds that a scope can select."""
    if scope.kind is None:
        return WORKLOAD_KINDS
    return (scope.kind,) if scope.kind in WORKLOAD_KINDS else ()


def controller(meta: ObjectMeta) -> Owner | None:
    """The one owner that manages this object."""
    for owner in meta.owner_references:
        if owner.controller:
            return owner
    return None


def revision(replica_set: Workload) -> tuple[int, str]:
    """The Deployment's revision that a ReplicaSet carries; creation time where it is not annotated yet."""
    text = replica_set.metadata.annotations.get(REVISION, "")
    number = int(text) if text.isascii() and text.isdigit() and len(text) < 10 else 0
    return number, replica_set.metadata.creation_timestamp


def _owned_by(pod: Pod, name: str) -> bool:
    return any(owner.name == name and owner.controller for owner in pod.metadata.owner_references)
