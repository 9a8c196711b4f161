"""A node was cordoned and forgotten. A drain is somebody's work, and work ends."""

from __future__ import annotations

from collections.abc import Iterator

from detectors.base import Detector, Finding, View
from detectors.facts_cluster import Node
from detectors.model import FaultClass, Severity
from detectors.timestamps import age
from detectors.world import ref
from intents.model import ClusterHealthy

NAME = "nodeCordoned"
TAINT = "node.kubernetes.io/unschedulable"
"""What the node lifecycle controller adds to a cordoned node, with the time: the only trace of when."""
FORGOTTEN = 7200.0
"""Seconds. Twice the hour for which a managed upgrade waits for a drain that a budget holds up (GKE, "Node upgrade
strategies": PodDisruptionBudgets are respected for up to one hour)."""


def _judge(view: View) -> Iterator[Finding]:
    for node in view.world.observation.all_of("Node", Node).values():
        if not node.spec.unschedulable or node.metadata.deletion_timestamp is not None:
            continue
        target = ref("Node", node.metadata)
        added = next((taint.time_added for taint in node.spec.taints if taint.key == TAINT), None)
        lasted = age(added, view.at)
        if lasted is None or lasted <= FORGOTTEN:
            yield view.settling(target, f"node {target.name} is cordoned")
            continue
        yield view.violation(
            NAME,
            FaultClass.NODE_CORDONED,
            target,
            severity=Severity.INFO,
            reason="Cordoned",
            message=f"node {target.name} has been cordoned for {lasted / 3600:.1f} h and takes no pods",
            facts={"since": added or ""},
        )


DETECTOR = Detector(
    NAME, frozenset({FaultClass.NODE_CORDONED}), (ClusterHealthy,), ("Node",), _judge, ("Node",)
)
