"""The grown cluster of the scale benchmark is whole, and its events come as often as asked."""

from __future__ import annotations

import json
from typing import Any

from benchmarks.replay import Events, widen
from daemon.kube.kinds import RESOURCES


def recorded() -> dict[str, dict[str, Any]]:
    """What two Deployments with a pod each look like, as far as growing them goes."""
    lists: dict[str, dict[str, Any]] = {RESOURCES[kind].collection(""): {"items": []} for kind in RESOURCES}

    def add(kind: str, name: str, owner: str | None = None, **more: Any) -> None:
        meta: dict[str, Any] = {
            "name": name,
            "uid": f"00000000-{name}",
            "resourceVersion": "7",
            "namespace": "x",
        }
        if owner:
            meta["ownerReferences"] = [{"uid": f"00000000-{owner}", "name": owner, "controller": True}]
        lists[RESOURCES[kind].collection("")]["items"].append({"metadata": meta, **more})

    counts = {"replicas": 1, "readyReplicas": 1, "availableReplicas": 1}
    add("Node", "kwok-0", status={"allocatable": {"pods": "1000"}}, spec={"podCIDR": "10.0.0.0/24"})
    for name in ("web", "api"):
        add("Deployment", name, spec={"replicas": 1}, status={**counts, "updatedReplicas": 1})
        add("ReplicaSet", f"{name}-rs", name, spec={"replicas": 1}, status=dict(counts))
        add("Pod", f"{name}-1", f"{name}-rs", spec={"nodeName": "kwok-0"}, status={"podIP": "10.0.0.1"})
    return lists


def items(lists: dict[str, dict[str, Any]], kind: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = lists[RESOURCES[kind].collection("")]["items"]
    return found


def test_workloads_grow_with_counts_that_agree_and_pods_that_share_nothing() -> None:
    lists = recorded()
    widen(lists, 21, 4)
    pods = items(lists, "Pod")
    assert len(pods) == len({pod["metadata"]["uid"] for pod in pods}) == 21
    assert len({pod["metadata"]["name"] for pod in pods}) == 21
    assert {pod["spec"]["nodeName"] for pod in pods} == {
        node["metadata"]["name"] for node in items(lists, "Node")
    }
    for kind in ("ReplicaSet", "Deployment"):
        grown = items(lists, kind)
        assert sum(item["spec"]["replicas"] for item in grown) == 21
        assert all(item["status"]["availableReplicas"] == item["spec"]["replicas"] for item in grown)


def test_so_many_events_a_second_are_sent_and_each_is_a_new_version() -> None:
    events = Events(items(recorded(), "Pod"), 100)
    first, later = list(events.due(0.5)), list(events.due(1.0))
    assert (len(first), len(later)) == (50, 50)
    versions = [json.loads(line)["object"]["metadata"]["resourceVersion"] for line in [*first, *later]]
    assert len(set(versions)) == 100
