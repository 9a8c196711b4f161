"""Whether selectors find the pods that they are meant for."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from gym.cases.assertions.base import Assertion, Held, Referred, Targeted, find_workload, on_target
from gym.cases.assertions.values import show
from gym.cases.context import ClusterContext
from gym.cases.selectors import is_empty, matches
from gym.cases.state import Json, State, dig, mapping, namespace_of
from gym.cases.workloads import pod_labels


class SelectsPods(Targeted):
    """A Service selects the pods of a workload in its own namespace."""

    workload: Referred


_SELECTED_BY_THE_SERVER = frozenset({"Job", "CronJob", "Pod"})
"""Kinds whose selector nobody writes: the API server makes a Job's."""


def _service(state: State, _context: ClusterContext, args: SelectsPods, found: Json) -> Held:
    selector = mapping(dig(found, "spec", "selector"))
    if not selector:
        return Held(False, "the selector is empty")
    workload = find_workload(state, args.workload, namespace_of(found))
    if isinstance(workload, Held):
        return workload
    if namespace_of(workload) != namespace_of(found):
        return Held(False, f"{args.workload} is in another namespace")
    labels = pod_labels(workload)
    held = all(labels.get(key) == value for key, value in selector.items())
    return Held(held, f"selector {show(selector)}, labels of {args.workload}'s pods {show(labels)}")


def _workload(_state: State, _context: ClusterContext, args: Targeted, found: Json) -> Held:
    selector = dig(found, "spec", "selector")
    if selector is None and found.get("kind") in _SELECTED_BY_THE_SERVER:
        return Held(True, f"the API server makes the selector of {args.target}")
    labels = pod_labels(found)
    if found.get("kind") == "ReplicationController":
        selector = {"matchLabels": selector}
    if is_empty(selector):
        return Held(False, "the selector is empty")
    return Held(
        matches(selector, labels), f"selector {show(selector)}, labels of the template {show(labels)}"
    )


ASSERTIONS: Mapping[str, Assertion[Any]] = {
    "service_selects_pods": on_target(SelectsPods, _service),
    "workload_selector_matches_template": on_target(Targeted, _workload),
}
