"""What nodes say, in the few predicates that several detectors share."""

from __future__ import annotations

from collections.abc import Mapping

from detectors.facts import Condition, Fact
from detectors.facts_cluster import Node
from detectors.model import Name

UNREACHABLE = "NodeStatusUnknown"
"""The reason that the node lifecycle controller gives once the kubelet is silent for
`--node-monitor-grace-period` (kubernetes pkg/controller/nodelifecycle)."""
KEEPS_AWAY = frozenset({"NoSchedule", "NoExecute"})


def condition(node: Node, kind: str) -> Condition | None:
    """The status condition of this type."""
    return next((found for found in node.status.conditions if found.type == kind), None)


def takes_pods(node: Node) -> bool:
    """Whether any pod may be put there: Ready, not cordoned, without a taint that keeps ordinary pods away."""
    ready = condition(node, "Ready")
    return (
        ready is not None
        and ready.status == "True"
        and not node.spec.unschedulable
        and node.metadata.deletion_timestamp is None
        and not any(taint.effect in KEEPS_AWAY for taint in node.spec.taints)
    )


def by_name(nodes: Mapping[Name, Fact]) -> dict[str, Node]:
    """Nodes by their name alone."""
    return {name: node for (_, name), node in nodes.items() if isinstance(node, Node)}
