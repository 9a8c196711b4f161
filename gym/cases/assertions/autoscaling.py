"""Whether a HorizontalPodAutoscaler can scale, and whether a PodDisruptionBudget lets one pod go."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from gym.cases.assertions.base import Assertion, Held, Reference, Targeted, find_workload, on_target
from gym.cases.context import ClusterContext
from gym.cases.selectors import is_empty, matches
from gym.cases.state import Json, State, dig, key_of, maps, namespace_of
from gym.cases.workloads import WORKLOADS, amount, containers, pod_labels, replicas


class HasRequest(Targeted):
    """Every container of the HPA's target requests the resource, so that utilization can be computed."""

    resource: str


class Spread(Targeted):
    """maxReplicas - minReplicas is at least the value."""

    value: int


def _has_request(state: State, _context: ClusterContext, args: HasRequest, found: Json) -> Held:
    ref = dig(found, "spec", "scaleTargetRef")
    kind, name = dig(ref, "kind"), dig(ref, "name")
    if not isinstance(kind, str) or not isinstance(name, str) or not kind or not name:
        return Held(False, "scaleTargetRef names nothing")
    workload = find_workload(state, Reference(kind=kind, name=name), namespace_of(found))
    if isinstance(workload, Held):
        return workload
    every = containers(workload, init=False)
    if not every:
        return Held(False, f"{kind}/{name} has no containers")
    for container in every:
        if not amount(container, "requests", args.resource):
            container_name = container.get("name", "?")
            return Held(False, f"container {container_name} of {kind}/{name} requests no {args.resource}")
    return Held(True, f"every container of {kind}/{name} requests {args.resource}")


def _spread(_state: State, _context: ClusterContext, args: Spread, found: Json) -> Held:
    high, low = dig(found, "spec", "maxReplicas"), dig(found, "spec", "minReplicas")
    low = 1 if low is None else low  # the API server's default
    if not _whole(high) or not _whole(low):
        return Held(False, f"minReplicas {low}, maxReplicas {high}")
    return Held(high - low >= args.value, f"minReplicas {low}, maxReplicas {high}")


def _whole(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


# ---------------------------------------------------------------- disruption budgets


def _disruption(state: State, _context: ClusterContext, args: Targeted, found: Json) -> Held:
    """All pods are taken as healthy. Source: the disruption controller, `getExpectedPodCount`."""
    selector = dig(found, "spec", "selector")
    expected = _expected_pods(state, namespace_of(found), selector)
    if expected == 0:
        return Held(False, f"{args.target} covers no pods")
    least, most = dig(found, "spec", "minAvailable"), dig(found, "spec", "maxUnavailable")
    if (least is None) == (most is None):
        return Held(False, "it sets neither or both of minAvailable and maxUnavailable")
    bound = _scaled(least if most is None else most, expected)
    if bound is None:
        return Held(False, f"{least if most is None else most} is neither a number nor a percentage")
    allowed = expected - bound if most is None else bound
    return Held(allowed >= 1, f"{max(allowed, 0)} of {expected} pods may be disrupted")


def _expected_pods(state: State, namespace: str, selector: object) -> int:
    """The pods of the workloads that the budget covers, bare pods among them."""
    if not isinstance(selector, dict):
        return 0
    count = 0
    for kind in WORKLOADS:
        for workload in state.of_kind(kind, namespace):
            if _owned(state, workload):
                continue
            if is_empty(selector) or matches(selector, pod_labels(workload)):
                count += replicas(workload)
    return count


def _owned(state: State, obj: Json) -> bool:
    """Whether another workload of the state made the object, so that it is counted there."""
    namespace = key_of(obj)[1]
    return any(
        state.get(str(owner.get("kind")), namespace, str(owner.get("name"))) is not None
        for owner in maps(dig(obj, "metadata", "ownerReferences"))
    )


def _scaled(value: object, total: int) -> int | None:
    """An IntOrString of a budget; percentages are rounded up."""
    if isinstance(value, int) and not isinstance(value, bool):
        return value
    if isinstance(value, str) and value.endswith("%") and value[:-1].isascii() and value[:-1].isdigit():
        return math.ceil(int(value[:-1]) * total / 100)
    return None


ASSERTIONS: Mapping[str, Assertion[Any]] = {
    "hpa_target_has_request": on_target(HasRequest, _has_request),
    "hpa_spread": on_target(Spread, _spread),
    "pdb_allows_disruption": on_target(Targeted, _disruption),
}
