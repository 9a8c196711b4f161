"""Which pods belong to which top owner, kept from look to look: what did not change is not sorted again.

Facts are frozen and the cache keeps the struct of an object that did not change, so identity tells what did.
Of 5,000 pods a watch event changes one; comparing identities costs a thirtieth of grouping them anew.

Ownership goes by controller references alone: Pod -> ReplicaSet -> Deployment, or Pod -> StatefulSet,
DaemonSet, Job. A reference carries the owner's uid, so pods of a deleted namesake never count.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from operator import is_

from detectors.facts import ObjectMeta, Owner, Pod, Workload
from detectors.model import Name, ObjectRef

Sets = Mapping[Name, Workload]
NO_PODS: Sequence[Pod] = ()
WORTHWHILE = 8
"""Above one changed pod in so many, sorting all anew is no dearer."""


@dataclass(frozen=True, slots=True)
class Grouping:
    """Pods by top owner, and what that was made of. An owner none of whose pods changed keeps the very
    sequence that it had in the grouping before."""

    pods: Mapping[Name, Pod]
    sets: Sets
    by_owner: Mapping[ObjectRef, Sequence[Pod]]
    came: Sequence[Pod] = ()
    went: Sequence[Pod] = ()
    anew: bool = True
    """Whether all was sorted anew; otherwise `came` and `went` are what changed since the grouping before."""


def group(pods: Mapping[Name, Pod], sets: Sets, before: Grouping | None = None) -> Grouping:
    """The grouping of these pods; with `before` only what changed since is moved. Both ways give every owner
    the same pods (their order within an owner may differ after a new list)."""
    if before is not None and _same_owners(before.sets, sets):
        if before.pods is pods:
            return Grouping(pods, sets, before.by_owner, anew=False)
        came, went = _changed(before.pods, pods)
        if len(came) + len(went) <= len(pods) // WORTHWHILE:
            return Grouping(pods, sets, _moved(before.by_owner, came, went, sets), came, went, anew=False)
    return Grouping(
        pods, sets, _kept(_sorted(pods.values(), sets), {} if before is None else before.by_owner)
    )


def _changed(before: Mapping[Name, Pod], now: Mapping[Name, Pod]) -> tuple[list[Pod], list[Pod]]:
    """The pods that came and those that went; a changed one is in both. Where none was added or taken out, a map holds
    its pods where it held them, and comparing place by place costs a tenth of looking up every name."""
    if len(before) == len(now):
        moved = [at for at, same in enumerate(map(is_, before.values(), now.values())) if not same]
        if len(moved) <= len(now) // WORTHWHILE:
            old, new = list(before.values()), list(now.values())
            return [new[at] for at in moved], [old[at] for at in moved]
    came = [pod for name, pod in now.items() if before.get(name) is not pod]
    went = [pod for name, pod in before.items() if now.get(name) is not pod]
    return came, went


def _kept(
    now: dict[ObjectRef, Sequence[Pod]], before: Mapping[ObjectRef, Sequence[Pod]]
) -> dict[ObjectRef, Sequence[Pod]]:
    """The same, with the very sequence of before for every owner whose pods are the same objects: a new ReplicaSet
    moves one workload's pods, and comparing is cheaper than working all workloads out again."""
    for owner, pods in now.items():
        known = before.get(owner)
        if known is not None and len(known) == len(pods) and all(map(is_, known, pods)):
            now[owner] = known
    return now


def controller(meta: ObjectMeta) -> Owner | None:
    """The one owner that manages this object."""
    for owner in meta.owner_references:
        if owner.controller:
            return owner
    return None


def top_owner(pod: Pod, sets: Sets) -> ObjectRef:
    """The object whose template a fix would change: the pod itself where nothing manages it."""
    meta = pod.metadata
    owner = controller(meta)
    if owner is None:
        return ObjectRef("Pod", meta.namespace, meta.name, meta.uid)
    return _top(owner, meta.namespace, sets)


def _top(owner: Owner, namespace: str, sets: Sets) -> ObjectRef:
    if owner.kind == "ReplicaSet":
        replica_set = sets.get((namespace, owner.name))
        if replica_set is not None:
            above = controller(replica_set.metadata)
            if above is not None:
                return ObjectRef(above.kind, namespace, above.name, above.uid)
    return ObjectRef(owner.kind, namespace, owner.name, owner.uid)


def _sorted(pods: Iterable[Pod], sets: Sets) -> dict[ObjectRef, Sequence[Pod]]:
    found: dict[ObjectRef, list[Pod]] = {}
    tops: dict[tuple[str, str], ObjectRef] = {}
    for pod in pods:
        owner = controller(pod.metadata)
        if owner is None:
            found.setdefault(top_owner(pod, sets), []).append(pod)
            continue
        known = owner.uid or f"{owner.kind}/{owner.name}", pod.metadata.namespace
        top = tops.get(known)
        if top is None:
            top = tops[known] = _top(owner, pod.metadata.namespace, sets)
        found.setdefault(top, []).append(pod)
    return dict(found)


def _moved(
    by_owner: Mapping[ObjectRef, Sequence[Pod]], came: Sequence[Pod], went: Sequence[Pod], sets: Sets
) -> dict[ObjectRef, Sequence[Pod]]:
    """A changed pod is one that went and one that came; it keeps its place among its owner's."""
    left = _sorted(went, sets)
    entered = _sorted(came, sets)
    found = dict(by_owner)
    for owner in {**left, **entered}:
        pods = replaced(found.get(owner, ()), left.get(owner, ()), entered.get(owner, ()))
        if pods:
            found[owner] = pods
        else:
            found.pop(owner, None)
    return found


def replaced(pods: Iterable[Pod], went: Iterable[Pod], came: Iterable[Pod]) -> list[Pod]:
    """These pods without those that went and with those that came, a changed one in its old place."""
    gone = {id(pod) for pod in went}
    fresh = {_name(pod): pod for pod in came}
    found = []
    for pod in pods:
        if id(pod) not in gone:
            found.append(pod)
        elif (successor := fresh.pop(_name(pod), None)) is not None:
            found.append(successor)
    return [*found, *fresh.values()]


def _name(pod: Pod) -> Name:
    return pod.metadata.namespace, pod.metadata.name


def _same_owners(before: Sets, now: Sets) -> bool:
    """Whether every ReplicaSet is owned as it was; their statuses change all the time."""
    if before is now:
        return True
    if len(before) != len(now):
        return False
    for name, replica_set in now.items():
        old = before.get(name)
        if old is None:
            return False
        if old is not replica_set and old.metadata.owner_references != replica_set.metadata.owner_references:
            return False
    return True
