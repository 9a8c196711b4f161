"""The indexed side of an Observation: who owns which pods, computed once, whatever the number of intents.

A look begins with the World of the look before: of 5,000 pods a watch event changes one, and only the
workload that it belongs to is worked out again. Nothing that depends on the time of a look is kept; of what pods said
only when they lost their readiness, because a pod that flaps looks healthy every other moment.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Hashable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, TypeVar

from detectors.facts import EndpointSlice, Fact, ObjectMeta, Pod, Workload, labels_match
from detectors.model import Name, ObjectRef, Observation
from detectors.ownership import NO_PODS, Grouping, controller, group, replaced, top_owner
from detectors.pods import alive, evicted, lost_ready, quiet, takes_room_on
from detectors.rollout import Rollout, rollout_of
from intents.model import WORKLOAD_KINDS, Scope

T = TypeVar("T")

SERVICE_NAME = "kubernetes.io/service-name"
REVISION = "deployment.kubernetes.io/revision"
LOSSES = 10
"""More than any detector counts."""


def ref(kind: str, meta: ObjectMeta) -> ObjectRef:
    """The reference to an object that was read."""
    return ObjectRef(kind, meta.namespace, meta.name, meta.uid)


@dataclass(frozen=True, slots=True)
class Workers:
    """One workload with the pods that count for its health.

    `pods` are alive and of the newest template; `older` are alive but of an earlier ReplicaSet, which a
    rollout is about to remove; `troubled` are those of `pods` that are not plainly healthy. `going` are being
    deleted, whatever their template; `evicted` are of the newest template and were put off their node.
    `lost_ready` tells by pod uid when a running pod lost its readiness (Unix seconds, as its condition said it), the
    last LOSSES times that looks saw: the one thing that is remembered, because no status tells it.
    """

    ref: ObjectRef
    workload: Workload
    rollout: Rollout
    pods: tuple[Pod, ...]
    older: tuple[Pod, ...]
    leaving: int
    troubled: tuple[Pod, ...]
    going: tuple[Pod, ...] = ()
    evicted: tuple[Pod, ...] = ()
    lost_ready: Mapping[str, tuple[float, ...]] = field(default_factory=dict)
    on_nodes: Mapping[str, int] = field(default_factory=dict)
    """How many of `pods` each node has; "" for those that have none yet."""


@dataclass(frozen=True, slots=True)
class _Made:
    """A workload's Workers with what else they were made of: the same parts make the same Workers."""

    workers: Workers
    every: Sequence[Pod]
    newest: Workload | None


@dataclass(frozen=True, slots=True)
class _Spaces:
    """The objects of a kind by namespace, and what that was made of."""

    of: Mapping[Name, Fact]
    by_namespace: Mapping[str, Sequence[Fact]]


_Key = tuple[str, str, str]


@dataclass(frozen=True)
class World:
    """An Observation with its indexes. Build one per look; each index is made when first asked for."""

    observation: Observation
    _known: Grouping | None = field(default=None, repr=False)
    _earlier: Mapping[_Key, _Made] = field(default_factory=dict, repr=False)
    _made: dict[_Key, _Made] = field(default_factory=dict, repr=False)
    _spaces: dict[str, _Spaces] = field(default_factory=dict, repr=False)
    _counted: Mapping[str, int] | None = field(default=None, repr=False)
    _sorted: Mapping[str, list[Pod]] | None = field(default=None, repr=False)
    _once: dict[Hashable, Any] = field(default_factory=dict, repr=False)

    def then(self, observation: Observation) -> World:
        """The World of the next look: equal to `World(observation)`, only sooner. Keeps no hold of this one."""
        known = group(observation.pods(), observation.workloads("ReplicaSet"), self._grouping)
        held = (
            {} if known.anew else self.__dict__
        )  # what nobody asked for was not made, and is not carried on
        return World(
            observation,
            known,
            self._made,
            _spaces=dict(self._spaces),
            _counted=held.get("pods_on_node"),
            _sorted=held.get("_pods_of"),
        )

    @property
    def at(self) -> float:
        """The turn's time, Unix seconds."""
        return self.observation.at

    @cached_property
    def _grouping(self) -> Grouping:
        return self._known or group(self.observation.pods(), self.observation.workloads("ReplicaSet"))

    @property
    def pods_by_owner(self) -> Mapping[ObjectRef, Sequence[Pod]]:
        """Pods by top owner."""
        return self._grouping.by_owner

    @cached_property
    def pods_on_node(self) -> Mapping[str, int]:
        """How many pods take up room on each node, as the scheduler counts: those that have ended do not
        (kubernetes pkg/scheduler, the informer drops terminal pods). Of 20,000 only those that changed are counted."""
        grouping = self._grouping
        if self._counted is None:
            return Counter(name for pod in grouping.pods.values() if (name := takes_room_on(pod)))
        counts = Counter(self._counted)
        counts.update(name for pod in grouping.came if (name := takes_room_on(pod)))
        counts.subtract(name for pod in grouping.went if (name := takes_room_on(pod)))
        return counts

    def top_owner(self, pod: Pod) -> ObjectRef:
        """The object whose template a fix would change."""
        return top_owner(pod, self.observation.workloads("ReplicaSet"))

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
        made = self._made.get(key)
        if made is None:
            made = self._made[key] = self._make(key, workload)
        return made.workers

    def _make(self, key: _Key, workload: Workload) -> _Made:
        target = ref(key[0], workload.metadata)
        every = self.pods_by_owner.get(target, NO_PODS)
        newest = self.newest_set(target) if target.kind == "Deployment" else None
        earlier = self._earlier.get(key)
        if (
            earlier is not None
            and earlier.workers.workload is workload
            and earlier.every is every
            and earlier.newest is newest
        ):
            return earlier
        before = earlier.workers.lost_ready if earlier is not None else {}
        return _Made(_gather(target, workload, every, newest, before), every, newest)

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

    @cached_property
    def _pods_of(self) -> Mapping[str, list[Pod]]:
        """Pods by namespace: many Services ask. Only namespaces in which a pod changed are sorted again."""
        grouping = self._grouping
        if self._sorted is not None:
            went, came = _spread_out(grouping.went), _spread_out(grouping.came)
            found = dict(self._sorted)
            for namespace in went.keys() | came.keys():
                pods = replaced(found.get(namespace, ()), went.get(namespace, ()), came.get(namespace, ()))
                found[namespace] = pods
            return found
        return _spread_out(grouping.pods.values())

    def pods_in(self, namespace: str) -> Sequence[Pod]:
        """The namespace's pods, finished ones and those on their way out among them."""
        return self._pods_of.get(namespace, ())

    def workloads_in(self, namespace: str) -> Iterator[tuple[str, Workload]]:
        """The namespace's workloads with their kinds."""
        for kind in WORKLOAD_KINDS:
            for workload in self._by_namespace.get((kind, namespace), ()):
                yield kind, workload

    @cached_property
    def _elsewhere(self) -> Mapping[str, list[tuple[ObjectRef, Pod]]]:
        found: dict[str, list[tuple[ObjectRef, Pod]]] = {}
        for owner, pods in self.pods_by_owner.items():
            if owner.kind in WORKLOAD_KINDS:
                continue
            living = next((pod for pod in pods if alive(pod)), None)
            if living is not None:
                found.setdefault(owner.namespace, []).append((owner, living))
        return found

    def elsewhere(self, namespace: str) -> Sequence[tuple[ObjectRef, Pod]]:
        """Who else than a workload has living pods in the namespace (a Job, the pod itself), with one of them."""
        return self._elsewhere.get(namespace, ())

    def selected(self, namespace: str, selector: dict[str, str]) -> list[Pod]:
        """The living pods that an equality selector selects."""
        return [
            pod
            for pod in self._pods_of.get(namespace, ())
            if labels_match(selector, pod.metadata.labels) and alive(pod)
        ]

    def of_namespace(self, kind: str, namespace: str) -> Sequence[Fact]:
        """The objects of a kind in one namespace, sorted once for all intents, and not again before one changed."""
        every: Mapping[Name, Fact] = self.observation.all_of(kind, Fact)
        known = self._spaces.get(kind)
        if known is None or known.of is not every:
            sorted_out: dict[str, list[Fact]] = {}
            for (where, _), found in every.items():
                sorted_out.setdefault(where, []).append(found)
            known = self._spaces[kind] = _Spaces(every, sorted_out)
        return known.by_namespace.get(namespace, ())

    def once(self, what: Hashable, make: Callable[[], T]) -> T:
        """What a detector makes of this look's world alone, made once however many intents ask."""
        if what not in self._once:
            self._once[what] = make()
        found: T = self._once[what]
        return found

    def find(self, target: ObjectRef) -> Fact | None:
        """The object under this name, where its kind is observed."""
        objects = self.observation.objects.get(target.kind)
        return objects.get((target.namespace, target.name)) if isinstance(objects, Mapping) else None


def _spread_out(pods: Iterable[Pod]) -> dict[str, list[Pod]]:
    found: dict[str, list[Pod]] = {}
    for pod in pods:
        found.setdefault(pod.metadata.namespace, []).append(pod)
    return found


def scope_kinds(scope: Scope) -> tuple[str, ...]:
    """The workload kinds that a scope can select."""
    if scope.kind is None:
        return WORKLOAD_KINDS
    return (scope.kind,) if scope.kind in WORKLOAD_KINDS else ()


def _gather(
    target: ObjectRef,
    workload: Workload,
    every: Sequence[Pod],
    newest: Workload | None,
    before: Mapping[str, tuple[float, ...]],
) -> Workers:
    """One pass: with a hundred events a second this is most of what a look does."""
    name = newest.metadata.name if newest is not None and newest.spec.replicas != 0 else None
    current, older, troubled, gone = list[Pod](), list[Pod](), list[Pod](), list[Pod]()
    on_nodes: dict[str, int] = {}
    owners, mine = None, True
    for pod in every:
        meta = pod.metadata
        if not alive(pod):
            gone.append(pod)
            continue
        if name is not None:
            if meta.owner_references is not owners:  # pods of one set share theirs (daemon.kube.decode)
                owners, mine = meta.owner_references, _owned_by(pod, name)
            if not mine:
                older.append(pod)
                continue
        current.append(pod)
        if not quiet(pod):
            troubled.append(pod)
        node = pod.spec.node_name or ""
        on_nodes[node] = on_nodes.get(node, 0) + 1
    going = tuple(pod for pod in gone if pod.metadata.deletion_timestamp is not None)
    ours = gone if name is None else [pod for pod in gone if _owned_by(pod, name)]
    return Workers(
        ref=target,
        workload=workload,
        rollout=rollout_of(target.kind, workload),
        pods=tuple(current),
        older=tuple(older),
        leaving=len(going),
        troubled=tuple(troubled),
        going=going,
        evicted=tuple(pod for pod in ours if evicted(pod)),
        lost_ready=_losses(current, tuple(troubled), before),
        on_nodes=on_nodes,
    )


def _losses(
    current: Sequence[Pod], troubled: Sequence[Pod], before: Mapping[str, tuple[float, ...]]
) -> Mapping[str, tuple[float, ...]]:
    """What was known of the pods that are still there, and what this look adds."""
    if not before and not troubled:
        return before
    there = {pod.metadata.uid for pod in current} if before else ()
    found = {uid: times for uid, times in before.items() if uid in there}
    for pod in troubled:
        lost, uid = lost_ready(pod), pod.metadata.uid
        if lost is not None and uid and lost not in found.get(uid, ()):
            found[uid] = (*found.get(uid, ()), lost)[-LOSSES:]
    return found


def revision(replica_set: Workload) -> tuple[int, str]:
    """The Deployment's revision that a ReplicaSet carries; creation time where it is not annotated yet."""
    text = replica_set.metadata.annotations.get(REVISION, "")
    number = int(text) if text.isascii() and text.isdigit() and len(text) < 10 else 0
    return number, replica_set.metadata.creation_timestamp


def _owned_by(pod: Pod, name: str) -> bool:
    return any(owner.name == name and owner.controller for owner in pod.metadata.owner_references)
