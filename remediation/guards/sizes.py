"""Fields that say how much a workload takes: replicas, requests, limits; and what a plan would request more."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from intents.fields import MISSING, Element, FieldPath, get
from intents.merge_keys import CONTAINER_LISTS
from remediation.guards.base import GrowthLimits
from remediation.merge_keys import BARE_POD, POD, in_free_map, is_quantity
from remediation.model import ABSENT, Create, Json, Patch, Plan, Recreate, Touched
from remediation.quantity import as_number

REPLICAS: FieldPath = ("spec", "replicas")
PARALLELISM: FieldPath = ("spec", "parallelism")
"""How many pods a Job runs at the same time."""

_NUMBERS = (REPLICAS, PARALLELISM)
COUNTED = ("cpu", "memory")
"""Resources whose sum is capped. Others (GPUs, ephemeral storage) only ever grow by their factor."""

_WORKLOADS = frozenset({"Deployment", "StatefulSet", "DaemonSet"})


class UnknownSizeError(ValueError):
    """An amount that cannot be read; who meets one refuses."""


def is_size(path: FieldPath) -> bool:
    """Whether the field holds an amount, or a whole map of them."""
    return path in _NUMBERS or (is_quantity(path) and _of_pod_or_claim(path)) or is_map_of_sizes(path)


def _of_pod_or_claim(path: FieldPath) -> bool:
    """A place in a template, in a bare Pod, or what a claim requests."""
    inside = path[1] in (*CONTAINER_LISTS, "volumes", "resources") if len(path) > 1 else False
    return path[:3] == POD or (path[:1] == BARE_POD and inside)


def is_map_of_sizes(path: FieldPath) -> bool:
    """`resources` or a part of it as one value: the planner splits it, but for a map that is empty."""
    match path:
        case (*_, "resources") | (*_, "resources", "limits" | "requests" | "claims"):
            return _of_pod_or_claim(path) and not in_free_map(path)  # a label may be called so
        case _:
            return False


def amount(value: Any) -> Decimal:
    """A count or quantity as a number. Raises UnknownSizeError."""
    found = as_number(value)
    if found is None or not found.is_finite() or found < 0:
        raise UnknownSizeError(f"{value!r} is no amount")
    return found


def before(leaf: Touched) -> Decimal:
    """What the field amounts to before the change: replicas default to one, everything else to nothing."""
    if leaf.before == ABSENT:
        return Decimal(leaf.path in _NUMBERS)
    return amount(leaf.before)


def floor(path: FieldPath, limits: GrowthLimits) -> Decimal:
    """Up to this much is small enough, whatever it was before."""
    if path in _NUMBERS:
        return limits.replicas_floor
    return {"memory": limits.memory_floor, "cpu": limits.cpu_floor}.get(str(path[-1]), Decimal(0))


def added(plan: Plan, live: Json | None) -> dict[str, Decimal]:
    """CPU cores and bytes of memory that the plan requests beyond what is requested now, over all replicas.

    As the scheduler counts: a container without a request asks for its limit, one without either for nothing.
    Init containers are left out, because no plan changes them. Raises UnknownSizeError.
    """
    if isinstance(plan, Recreate):
        return _more(plan)
    if plan.target.kind not in _WORKLOADS:
        return {}
    if isinstance(plan, Create):
        return _total(plan.manifest, plan.manifest, {})
    if not isinstance(plan, Patch) or live is None:
        return {}
    after: dict[FieldPath, dict[str, Any]] = {}
    for leaf in plan.touched:
        if is_size(leaf.path):
            after.setdefault(leaf.path[:-1], {})[str(leaf.path[-1])] = leaf.after
    if not after:
        return {}
    now, then = _total(live, live, {}), _total(live, live, after)
    return {name: then.get(name, Decimal(0)) - now.get(name, Decimal(0)) for name in {*now, *then}}


def _more(plan: Recreate) -> dict[str, Decimal]:
    """Between the two whole objects; a claim takes neither CPU nor memory."""
    if plan.target.kind == "PersistentVolumeClaim":
        return {}
    now, then = _total(plan.before, plan.before, {}), _total(plan.manifest, plan.manifest, {})
    return {name: then.get(name, Decimal(0)) - now.get(name, Decimal(0)) for name in {*now, *then}}


_After = Mapping[FieldPath, Mapping[str, Any]]
"""What the plan sets, by the place and the name there."""


def _total(manifest: Json, live: Json, after: _After) -> dict[str, Decimal]:
    pod = BARE_POD if manifest.get("kind") == "Pod" else POD
    containers = get(manifest, (*pod, "containers"))
    if not isinstance(containers, list):
        raise UnknownSizeError("the containers cannot be read")
    one: dict[str, Decimal] = {}
    for container in containers:
        for name, size in _requests(container, after).items():
            one[name] = one.get(name, Decimal(0)) + size
    pods = _pods(manifest, live, after) if any(one.values()) else Decimal(0)
    return {name: pods * size for name, size in one.items()}


def _pods(manifest: Json, live: Json, after: _After) -> Decimal:
    if manifest.get("kind") == "DaemonSet":
        nodes = get(live, ("status", "desiredNumberScheduled"))
        if nodes is MISSING:
            raise UnknownSizeError("on how many nodes the DaemonSet runs is not known")
        return amount(nodes)
    if manifest.get("kind") in ("Pod", "Job"):
        said = get(manifest, PARALLELISM)
        return Decimal(1) if said is MISSING else amount(said)
    said = after.get(REPLICAS[:-1], {}).get("replicas", get(manifest, REPLICAS))
    return Decimal(1) if said in (MISSING, ABSENT) else amount(said)


def _requests(container: Any, after: _After) -> dict[str, Decimal]:
    if not isinstance(container, dict) or not isinstance(container.get("name"), str):
        raise UnknownSizeError("a container cannot be read")
    resources = container.get("resources") or {}
    place: FieldPath = (*POD, "containers", Element(key=(("name", container["name"]),)), "resources")
    found: dict[str, Decimal] = {}
    for part in ("limits", "requests"):  # what is not requested is taken from the limit
        now = resources.get(part) or {}
        now = {**now, **after.get((*place, part), {})} if after else now
        found |= {name: amount(now[name]) for name in COUNTED if name in now and now[name] != ABSENT}
    return found
