"""How many pods that serve a change would take away at once.

Only what controllers may do by their own rules counts (apps/v1: Deployment, StatefulSet and DaemonSet update
strategies). A rollout that keeps every available pod until its replacement is available takes none away.
"""

from __future__ import annotations

from collections.abc import Mapping
from fractions import Fraction
from math import ceil
from typing import Any, NamedTuple

from intents.fields import FieldPath, get
from remediation.model import ABSENT, Delete, Json, Patch, Plan, Recreate

TEMPLATE: FieldPath = ("spec", "template")
RELEASES: tuple[FieldPath, ...] = (("spec", "paused"), ("spec", "strategy"), ("spec", "updateStrategy"))
"""What lets a rollout go on that stands still: with pods of an older template left, these end pods too."""
_WORKLOADS = frozenset({"Deployment", "StatefulSet", "DaemonSet"})
_AVAILABLE = {
    "Deployment": "availableReplicas",
    "StatefulSet": "availableReplicas",
    "DaemonSet": "numberAvailable",
}


class Loss(NamedTuple):
    """`lost` of the `available` pods may be missing at the same time."""

    available: int
    lost: int


class UnknownRolloutError(ValueError):
    """What the object says about itself cannot be read, or is about an earlier version of it."""


def replaces_pods(plan: Plan) -> bool:
    """Whether carrying the plan out ends running pods at all."""
    if plan.target.kind == "Pod":
        return isinstance(plan, Recreate)
    if plan.target.kind not in _WORKLOADS:
        return False
    if isinstance(plan, Delete):
        return True
    return isinstance(plan, Patch | Recreate) and any(
        leaf.path[:2] in (TEMPLATE, *RELEASES) or leaf.path == ("spec", "replicas") for leaf in plan.touched
    )


def may_take_pods(plan: Plan, live: Json | None) -> bool:
    """Whether somebody's disruption budget has a say. Not where that is unknown: then nothing is written."""
    try:
        return live is not None and replaces_pods(plan) and loss(plan, live).lost > 0
    except UnknownRolloutError:
        return False


def loss(plan: Plan, live: Json) -> Loss:
    """What the plan may take away from what is available now. Raises UnknownRolloutError."""
    kind = plan.target.kind
    status = live.get("status")
    if kind == "Pod":
        return Loss(1, 1) if _ready(status) else Loss(0, 0)
    generation, seen = get(live, ("metadata", "generation")), get(live, ("status", "observedGeneration"))
    if not isinstance(status, dict) or not isinstance(seen, int) or seen != generation:
        raise UnknownRolloutError("its status is missing, or about an earlier version of it")
    available = _count(status.get(_AVAILABLE[kind], 0))
    if available == 0:
        return Loss(0, 0)
    if isinstance(plan, Delete):
        return Loss(available, available)
    after: Mapping[FieldPath, Any] = {leaf.path: leaf.after for leaf in plan.touched}
    lost = 0
    rolls = any(path[:2] == TEMPLATE for path in after)
    if rolls or (not _rolled_out(kind, live) and any(path[:2] in RELEASES for path in after)):
        # Whichever is worse: the strategy as it is, or as the plan leaves it.
        lost = max(_by_rollout(kind, live, available, {}), _by_rollout(kind, live, available, after))
    if ("spec", "replicas") in after:
        lost = max(lost, available - _count(_field(live, after, "replicas", default=1)))
    return Loss(available, max(0, min(available, lost)))


def _ready(status: Any) -> bool:
    """Whether a pod serves, as its own condition says. Raises UnknownRolloutError."""
    if not isinstance(status, dict):
        raise UnknownRolloutError("its status is missing")
    return any(
        item.get("type") == "Ready" and item.get("status") == "True"
        for item in status.get("conditions") or ()
        if isinstance(item, dict)
    )


def _rolled_out(kind: str, live: Json) -> bool:
    """Whether every pod is of the newest template, so that there is nothing to let go. Unknown means no."""
    status = live["status"]
    match kind:
        case "Deployment":
            return bool(status.get("updatedReplicas", 0) == status.get("replicas", 0))
        case "StatefulSet":
            newest = status.get("updateRevision")
            return newest is not None and newest == status.get("currentRevision")
        case _:
            return bool(status.get("updatedNumberScheduled", 0) == status.get("currentNumberScheduled"))


def _by_rollout(kind: str, live: Json, available: int, after: Mapping[FieldPath, Any]) -> int:
    if kind == "Deployment":
        wanted = _count(_field(live, after, "replicas", default=1))
        if _field(live, after, "strategy", "type", default="RollingUpdate") == "Recreate":
            return available
        surge = _share(_rolling(live, after, "strategy", "maxSurge", "25%"), wanted, up=True)
        missing = _share(_rolling(live, after, "strategy", "maxUnavailable", "25%"), wanted, up=False)
        return available - (wanted - (1 if surge == missing == 0 else missing))
    if _field(live, after, "updateStrategy", "type", default="RollingUpdate") == "OnDelete":
        return 0
    if kind == "StatefulSet":
        wanted = _count(_field(live, after, "replicas", default=1))
        most = _rolling(live, after, "updateStrategy", "maxUnavailable", 1)
        return max(1, _share(most, wanted, up=True))  # one by one, and in place
    nodes = _count(get(live, ("status", "desiredNumberScheduled")))
    return available - (
        nodes - _share(_rolling(live, after, "updateStrategy", "maxUnavailable", 1), nodes, up=True)
    )


def _field(live: Json, after: Mapping[FieldPath, Any], *path: str, default: Any) -> Any:
    place: FieldPath = ("spec", *path)
    found = after.get(place, get(live, place))
    return found if found != ABSENT and isinstance(found, str | int) else default


def _rolling(live: Json, after: Mapping[FieldPath, Any], strategy: str, name: str, default: str | int) -> Any:
    return _field(live, after, strategy, "rollingUpdate", name, default=default)


def _count(value: Any) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or value < 0:
        raise UnknownRolloutError(f"{value!r} is no number of pods")
    return value


def _share(value: Any, of: int, *, up: bool) -> int:
    """An IntOrString as a number of pods; Kubernetes rounds surges up and absences of a Deployment down."""
    if isinstance(value, str):
        digits = value.removesuffix("%")
        if not value.endswith("%") or not (digits.isascii() and digits.isdigit()):
            raise UnknownRolloutError(f"{value!r} is no number of pods")
        exact = Fraction(int(digits) * of, 100)
        return ceil(exact) if up else int(exact)
    return _count(value)
