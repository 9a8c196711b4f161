"""Whether nodes and quotas have room for a workload.

`schedulable` looks at one pod on an empty node: node selector, required node affinity, taints, resources
(kube-scheduler's NodeResourcesFit, NodeAffinity and TaintToleration), and at required anti-affinity of the
workload's pods among themselves.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from gym.cases.assertions.base import Assertion, Held, Referred, Targeted, on_target
from gym.cases.context import ClusterContext
from gym.cases.selectors import matches, requirement
from gym.cases.state import Json, State, dig, mapping, maps, namespace_of
from gym.cases.workloads import (
    Side,
    amount,
    containers,
    pod_amount,
    pod_labels,
    pod_spec,
    quantity,
    replicas,
    resources_asked,
)

HOSTNAME = "kubernetes.io/hostname"


class QuotaAdmits(Targeted):
    """A ResourceQuota of the target's namespace has room for all its pods."""

    quota: Referred


# ---------------------------------------------------------------- scheduling


def _schedulable(state: State, context: ClusterContext, _args: Targeted, found: Json) -> Held:
    spec = pod_spec(found)
    if not containers(found):
        return Held(False, "it has no containers")
    # A live node stands in the place of what the case told of it.
    nodes = {node.name: node.as_object() for node in context.nodes}
    nodes |= {str(dig(node, "metadata", "name")): node for node in state.of_kind("Node")}
    if not nodes:
        return Held(False, "the case knows no nodes")
    reasons = {name: _why_not(found, spec, node) for name, node in nodes.items()}
    fitting = [name for name, reason in reasons.items() if not reason]
    if not fitting:
        return Held(False, "; ".join(f"{name}: {reason}" for name, reason in reasons.items()))
    domains = _domains(found, spec, [nodes[name] for name in fitting])
    if domains is not None and replicas(found) > domains:
        return Held(False, f"{replicas(found)} replicas keep apart, but only {domains} places fit")
    return Held(True, f"fits on {', '.join(fitting)}")


def _why_not(workload: Json, spec: Json, node: Json) -> str:
    labels = mapping(dig(node, "metadata", "labels"))
    wanted = mapping(spec.get("nodeSelector"))
    if not all(labels.get(key) == value for key, value in wanted.items()):
        return "does not match the nodeSelector"
    required = dig(spec, "affinity", "nodeAffinity", "requiredDuringSchedulingIgnoredDuringExecution")
    if required is not None and not any(
        _term(term, labels, node) for term in maps(mapping(required).get("nodeSelectorTerms"))
    ):
        return "does not match the node affinity"
    if dig(node, "spec", "unschedulable") is True:
        return "is cordoned"
    for taint in maps(dig(node, "spec", "taints")):
        hard = taint.get("effect") in {"NoSchedule", "NoExecute"}
        if hard and not any(_tolerates(toleration, taint) for toleration in maps(spec.get("tolerations"))):
            return f"has the taint {taint.get('key')}"
    allocatable = mapping(dig(node, "status", "allocatable"))
    for resource in resources_asked(workload):
        asked = pod_amount(workload, "requests", resource)
        room = quantity(allocatable.get(resource, 0))
        if asked > 0 and (room is None or asked > room):
            return f"has too little {resource}"
    return ""


def _term(term: Json, labels: Json, node: Json) -> bool:
    """One node selector term: its requirements all hold; an empty term takes nothing."""
    by_label, by_field = maps(term.get("matchExpressions")), maps(term.get("matchFields"))
    fields = {"metadata.name": dig(node, "metadata", "name")}
    return bool(by_label or by_field) and all(
        [
            *(requirement(rule, labels) for rule in by_label),
            *(requirement(rule, fields) for rule in by_field),
        ]
    )


def _tolerates(toleration: Json, taint: Json) -> bool:
    if toleration.get("effect") not in {None, "", taint.get("effect")}:
        return False
    if not toleration.get("key"):
        return toleration.get("operator") == "Exists"
    if toleration["key"] != taint.get("key"):
        return False
    return toleration.get("operator") == "Exists" or toleration.get("value", "") == taint.get("value", "")


def _domains(workload: Json, spec: Json, nodes: list[Json]) -> int | None:
    """In how many places pods that keep apart from each other can stand; None where they need not."""
    affinity = mapping(dig(spec, "affinity", "podAntiAffinity"))
    terms = [
        term
        for term in maps(affinity.get("requiredDuringSchedulingIgnoredDuringExecution"))
        if matches(term.get("labelSelector"), pod_labels(workload))
    ]
    counts = []
    for term in terms:
        key = str(term.get("topologyKey", HOSTNAME))
        places = {
            dig(node, "metadata", "labels", key) or f"node {dig(node, 'metadata', 'name')}" for node in nodes
        }
        counts.append(len(places))
    return min(counts, default=None)


# ---------------------------------------------------------------- quota


def _quota(state: State, _context: ClusterContext, args: QuotaAdmits, found: Json) -> Held:
    quota = state.get("ResourceQuota", args.quota.namespace or namespace_of(found), args.quota.name)
    if quota is None:
        return Held(False, f"ResourceQuota {args.quota.name} does not exist")
    every = containers(found)
    if not every:
        return Held(False, "it has no containers")
    count = replicas(found)
    for name, written in mapping(dig(quota, "spec", "hard")).items():
        hard = quantity(written)
        if hard is None:
            return Held(False, f"{name}: {written} is no quantity")
        if name == "pods" and count > hard:
            return Held(False, f"{count} pods, but the quota allows {written}")
        resource = _resource(name)
        if resource is None:
            continue
        side, what = resource
        unset = [c.get("name", "?") for c in every if amount(c, side, what) is None]
        if unset:
            return Held(False, f"container {unset[0]} does not set {name}")
        total = pod_amount(found, side, what) * count
        if total > hard:
            return Held(False, f"{name}: {total} for {count} pods, but the quota allows {written}")
    return Held(True, f"{count} pods stay within {args.quota.name}")


def _resource(name: str) -> tuple[Side, str] | None:
    """What of a pod a line of a quota counts. `cpu` and `memory` are requests; storage is a claim's."""
    if name in {"cpu", "memory", "ephemeral-storage"}:
        return "requests", name
    side, dot, resource = name.partition(".")
    if not dot or resource == "storage":
        return None
    match side:
        case "requests" | "limits":
            return side, resource
        case _:
            return None


ASSERTIONS: Mapping[str, Assertion[Any]] = {
    "schedulable": on_target(Targeted, _schedulable),
    "quota_admits": on_target(QuotaAdmits, _quota),
}
