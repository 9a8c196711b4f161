"""A node has as many pods as it may: the scheduler puts no more there, whatever its memory and CPU."""

from __future__ import annotations

from collections.abc import Iterator

from detectors.base import Detector, Finding, View
from detectors.facts_cluster import Node
from detectors.model import FaultClass, Severity
from detectors.world import ref
from intents.model import ClusterHealthy
from intents.units import parse_quantity

NAME = "nodeFull"


def _judge(view: View) -> Iterator[Finding]:
    nodes = view.world.observation.all_of("Node", Node).values()
    counted = view.world.pods_on_node if nodes else {}
    for node in nodes:
        most = _most(node.status.allocatable.get("pods", ""))
        count = counted.get(node.metadata.name, 0)
        if most is None or count < most:
            continue
        target = ref("Node", node.metadata)
        yield view.violation(
            NAME,
            FaultClass.NODE_FULL,
            target,
            severity=Severity.INFO,
            reason="TooManyPods",
            message=f"node {target.name} has {count} pods of at most {most}: it takes no more",
            facts={"pods": str(count), "allocatable": str(most)},
        )


def _most(text: str) -> int | None:
    """The kubelet's limit; None where it has not said one, or says that it takes none at all."""
    try:
        most = int(parse_quantity(text))
    except (ValueError, OverflowError):
        return None
    return most if most > 0 else None


DETECTOR = Detector(
    NAME, frozenset({FaultClass.NODE_FULL}), (ClusterHealthy,), ("Node", "Pod"), _judge, ("Node",)
)
