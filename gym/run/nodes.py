"""The nodes of a case: kwok keeps them alive, and the scheduler sees exactly what the case says of them.

kwok's own pods rule leaves pods on these nodes alone (gym/kwok-stages.yaml: it manages those on nodes named kwok-N); what
they show is written by `gym.run.node_agent`, and their logs are served by `gym.run.pod_logs`.
"""

from __future__ import annotations

from collections.abc import Sequence

from gym.cases.context import Node
from gym.cases.state import Json
from gym.kwok import SELECTOR
from gym.ready import wait_for
from gym.run.rest import Refused, Rest

ROOM = {"cpu": "16", "memory": "64Gi", "pods": "110", "ephemeral-storage": "100Gi"}
USUAL = tuple(
    Node(
        name=f"worker-{number}",
        labels={
            "kubernetes.io/hostname": f"worker-{number}",
            "kubernetes.io/os": "linux",
            "kubernetes.io/arch": "amd64",
        },
        allocatable=dict(ROOM),
    )
    for number in (1, 2)
)
"""The nodes of a case that says nothing about nodes: room enough for every case."""


def put_up(rest: Rest, nodes: Sequence[Node], log_port: int, seconds: float = 30) -> None:
    """Create the nodes and wait until they are as stated and take pods. GymError where they do not."""
    key, _, value = SELECTOR.partition("=")
    for node in nodes:
        obj = node.as_object()
        obj["metadata"]["labels"] = {**obj["metadata"]["labels"], key: value}
        rest.create(obj)

    def as_stated() -> bool:
        return all(_is_as_stated(rest, node, log_port) for node in nodes)

    wait_for(f"{len(nodes)} nodes of the case becoming ready", as_stated, seconds)


def take_down(rest: Rest, names: Sequence[str]) -> None:
    """Delete nodes; pods on them must be gone."""
    for name in names:
        rest.delete("v1", "Node", "", name)


def names(rest: Rest) -> list[str]:
    """The nodes that kwok keeps alive."""
    return [obj["metadata"]["name"] for obj in rest.list("v1", "Node", labels=SELECTOR)]


def _is_as_stated(rest: Rest, node: Node, log_port: int) -> bool:
    """Whether it is ready, has the stated size and taints, and takes pods. What kwok wrote of its own is replaced once
    kwok has written it, for it writes only once."""
    found = rest.get("v1", "Node", "", node.name)
    if found is None:
        return False
    conditions = found.get("status", {}).get("conditions", [])
    if not any(one["type"] == "Ready" and one["status"] == "True" for one in conditions):
        return False
    wanted = _status(node, log_port)
    if any(found["status"].get(name) != value for name, value in wanted.items()):
        try:
            rest.patch_status(found, dict.fromkeys(("allocatable", "capacity")))
            rest.patch_status(found, wanted)
        except Refused:
            return False  # somebody wrote it meanwhile
    taints = {one["key"] for one in found.get("spec", {}).get("taints", [])}
    return not (taints - {taint.key for taint in node.taints} - {"node.kubernetes.io/unschedulable"})


def _status(node: Node, log_port: int) -> Json:
    amounts = {name: str(amount) for name, amount in (node.allocatable or ROOM).items()}
    return {
        "allocatable": amounts,
        "capacity": dict(amounts),
        "addresses": [
            {"type": "InternalIP", "address": "127.0.0.1"},
            {"type": "Hostname", "address": node.name},
        ],
        "daemonEndpoints": {"kubeletEndpoint": {"Port": log_port}},
    }
