"""A node is short of memory, disk or process ids: its kubelet takes no more pods, and evicts."""

from __future__ import annotations

from collections.abc import Iterator

from detectors.base import Detector, Finding, View
from detectors.facts_cluster import Node
from detectors.model import FaultClass, Severity
from detectors.timestamps import age
from detectors.world import ref
from intents.model import ClusterHealthy

NAME = "nodePressure"
SHORT_OF = {"MemoryPressure": "memory", "DiskPressure": "disk", "PIDPressure": "process ids"}
"""The kubelet's conditions (kubernetes docs, Node-pressure eviction)."""
LASTING = 30.0
"""Seconds: three rounds of the kubelet's eviction manager (monitoring interval 10 s, kubernetes
pkg/kubelet/kubelet.go), so that what one eviction frees is not called a fault."""


def _judge(view: View) -> Iterator[Finding]:
    for node in view.world.observation.all_of("Node", Node).values():
        target, short = ref("Node", node.metadata), []
        for condition in node.status.conditions:
            if condition.type not in SHORT_OF or condition.status != "True":
                continue
            lasted = age(condition.last_transition_time, view.at) or 0.0
            if lasted > LASTING:
                short.append(condition)
            else:
                yield view.settling(target, f"node {target.name} has had {condition.type} for {lasted:.0f} s")
        if short:
            yield view.violation(
                NAME,
                FaultClass.NODE_PRESSURE,
                target,
                severity=Severity.WARNING,
                reason=short[0].reason or short[0].type,
                message=f"node {target.name} is short of {' and '.join(SHORT_OF[c.type] for c in short)}"
                + (f": {short[0].message}" if short[0].message else ""),
                facts={"conditions": ",".join(c.type for c in short)},
            )


DETECTOR = Detector(
    NAME, frozenset({FaultClass.NODE_PRESSURE}), (ClusterHealthy,), ("Node",), _judge, ("Node",)
)
