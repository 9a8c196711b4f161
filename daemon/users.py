"""Reads who uses the target of a plan (remediation/users.py), at the moment of the write.

Workloads are listed. Of the pods, which may be thousands, the watches say whom nobody stands for: a bare pod, or one
of a controller that intentd does not know. These alone are read.
"""

from __future__ import annotations

from collections.abc import Mapping

from daemon.state import World
from detectors.facts import Fact, ObjectMeta
from detectors.facts import Pod as PodFact
from detectors.model import Gap, Name, ObjectRef, Turn
from detectors.ownership import controller
from remediation.model import Json, Plan
from remediation.users import USED, WORKLOADS, selectors, uses

ALONE = 50
"""Pods of one namespace that are read because nobody stands for them; with more, nobody knows what the rest reads."""

HASHES = ("pod-template-hash", "controller-revision-hash")
"""Labels that tell the pods of one template from those of the next (apps/v1)."""

OF_ONE_TEMPLATE = frozenset({"ReplicaSet", "ReplicationController"})
"""Controllers all of whose pods are alike, without such a label. Others (a database's, a workflow's) may make each pod
another."""


def users_of(world: World, plan: Plan, live: Json | None) -> tuple[Json, ...] | Gap | None:
    """Whole objects, each with its kind; a Gap where not all of them could be read; None for a target that works
    through nobody else's pods."""
    if plan.target.kind not in USED:
        return None
    namespace, found = plan.target.namespace, list[Json]()
    for kind in WORKLOADS:
        page = world.cluster.list_now(kind, namespace)
        if isinstance(page, Gap):
            return page
        found += [{**item, "kind": kind} for item in page]
    alone = _alone(world, namespace, {str(item["metadata"].get("uid")) for item in found})
    if isinstance(alone, Gap):
        return alone
    for ref in alone:
        pod = world.cluster.read(ref)
        if isinstance(pod, Gap):
            return pod
        found += [] if pod is None else [{**pod, "kind": "Pod"}]
    selected = _makers_of_selected(world, plan, live)
    return tuple(item for item in found if uses(item, plan, live) or item["metadata"].get("uid") in selected)


def _makers_of_selected(world: World, plan: Plan, live: Json | None) -> set[str]:
    """Uids of the workloads whose pods the Service selects this moment, by the labels that the pods really carry."""
    views, found = world.cluster.snapshot(), set[str]()
    pods, sets = views.get("Pod"), views.get("ReplicaSet")
    wanted = selectors(plan, live)
    if not wanted or isinstance(pods, Gap) or isinstance(sets, Gap) or pods is None or sets is None:
        return found  # pods that cannot be read stopped it before, see `_alone`
    for (where, _), pod in pods.items():
        labels = pod.metadata.labels.items()
        if where == plan.target.namespace and any(one.items() <= labels for one in wanted):
            found |= {_controller(pod.metadata), _controller_of_set(sets, pod.metadata)}
    return found - {""}


def _alone(world: World, namespace: str, known: set[str]) -> list[ObjectRef] | Gap:
    """Pods whom no listed workload (its uid among the `known`) made; one of each template where another controller
    made them, all of them where nothing says that they are of one template."""
    views = world.cluster.snapshot()
    pods, sets = views.get("Pod"), views.get("ReplicaSet")
    if isinstance(pods, Gap) or isinstance(sets, Gap) or pods is None or sets is None:
        nothing = Gap("Pod list", "NoData", "pods are not watched", Turn.OURS)
        return next((view for view in (pods, sets) if isinstance(view, Gap)), nothing)
    found: dict[object, ObjectRef] = {}
    for (where, name), fact in pods.items():
        if (
            where != namespace
            or not isinstance(fact, PodFact)
            or fact.status.phase in ("Succeeded", "Failed")
        ):
            continue
        made_by = _controller(fact.metadata)
        if made_by in known or _controller_of_set(sets, fact.metadata) in known:
            continue
        template = _template(fact.metadata)
        who = name if template is None else (made_by, template)
        found.setdefault(who, ObjectRef("Pod", namespace, name))
    if len(found) > ALONE:
        return Gap("Pod list", "Partial", f"more than {ALONE} stand alone in {namespace}", Turn.OPERATOR)
    return list(found.values())


def _template(meta: ObjectMeta) -> tuple[str | None, ...] | None:
    """What the pods of one controller have in common that are of one template; None where nothing says so."""
    hashes = tuple(meta.labels.get(label) for label in HASHES)
    owner = controller(meta)
    return hashes if owner is not None and (owner.kind in OF_ONE_TEMPLATE or any(hashes)) else None


def _controller(meta: ObjectMeta) -> str:
    """The uid of who made it; empty where nobody did."""
    owner = controller(meta)
    return "" if owner is None else owner.uid


def _controller_of_set(sets: Mapping[Name, Fact], pod: ObjectMeta) -> str:
    """Who made the ReplicaSet that made the pod."""
    owner = controller(pod)
    made = None if owner is None else sets.get((pod.namespace, owner.name))
    return _controller(made.metadata) if made and owner and made.metadata.uid == owner.uid else ""
