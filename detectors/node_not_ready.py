"""A node is not ready, not reachable, or without a network: its pods are lost or about to be."""

from __future__ import annotations

from collections.abc import Iterator

from detectors.base import Detector, Finding, View
from detectors.facts import Condition
from detectors.facts_cluster import Node
from detectors.model import FaultClass, Severity
from detectors.nodes import UNREACHABLE, condition
from detectors.timestamps import age
from detectors.world import ref
from intents.model import ClusterHealthy

NAME = "nodeNotReady"
NEVER = Condition("Ready", "Unknown", "NodeStatusNeverUpdated", "the kubelet has never reported")
"""What is said of a node whose kubelet registered it and then fell silent (the reason is the controller's)."""


def _judge(view: View) -> Iterator[Finding]:
    for node in view.world.observation.all_of("Node", Node).values():
        if node.metadata.deletion_timestamp is None:
            yield from _node(view, node)


def _node(view: View, node: Node) -> Iterator[Finding]:
    """A node that has not been ready yet starts, for as long as its network pods may take to be pulled (`creating`).
    A time that nobody knows is now, so that doubt waits."""
    ready, cut_off = condition(node, "Ready") or NEVER, condition(node, "NetworkUnavailable")
    if ready.status == "True" and (cut_off is None or cut_off.status != "True"):
        return
    said = ready if ready.status != "True" or cut_off is None else cut_off
    target = ref("Node", node.metadata)
    existed = age(node.metadata.creation_timestamp, view.at) or 0.0
    lasted = existed if said is NEVER else age(said.last_transition_time, view.at) or 0.0
    starts = existed - lasted < view.patience.setup and existed <= view.patience.creating
    if starts or lasted <= view.patience.not_ready:
        yield view.settling(target, f"node {target.name} has not been ready for {lasted:.0f} s")
        return
    unreachable = said.reason == UNREACHABLE or said.status == "Unknown"
    what = "unreachable" if unreachable else "not ready" if said.type == "Ready" else "without a network"
    yield view.violation(
        NAME,
        FaultClass.NODE_NOT_READY,
        target,
        severity=Severity.CRITICAL,
        reason=said.reason or said.type,
        message=f"node {target.name} is {what} for {lasted:.0f} s: {said.message or said.reason or said.status}",
        facts={"condition": said.type, "status": said.status},
    )


DETECTOR = Detector(
    NAME, frozenset({FaultClass.NODE_NOT_READY}), (ClusterHealthy,), ("Node",), _judge, ("Node",)
)
