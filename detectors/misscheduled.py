"""Pods of a DaemonSet stand on nodes where they should not be.

Its controller takes away what it may; what stays tolerates nothing of the node's new taint, which keeps pods from coming
and drives none out, or carries labels that the node has lost.
"""

from __future__ import annotations

from collections.abc import Iterator

from detectors.base import POD_NEEDS, Detector, Finding, View
from detectors.model import FaultClass, Severity
from detectors.rollout import Phase
from intents.model import WorkloadHealthy

NAME = "misscheduled"


def _judge(view: View) -> Iterator[Finding]:
    for workers in view.workers:
        count = workers.workload.status.number_misscheduled
        if workers.ref.kind != "DaemonSet" or count <= 0:
            continue
        if workers.leaving or workers.rollout.phase is Phase.GOING_ON:
            yield view.settling(workers.ref, f"{count} pods are on nodes that they should leave")
            continue
        where = "pod is on a node where it" if count == 1 else "pods are on nodes where they"
        yield view.violation(
            NAME,
            FaultClass.MISSCHEDULED,
            workers.ref,
            severity=Severity.INFO,
            reason="Misscheduled",
            message=f"{count} {where} should not be: the nodes' labels or taints have changed since",
            facts={"misscheduled": str(count), "desired": str(workers.rollout.desired)},
        )


DETECTOR = Detector(NAME, frozenset({FaultClass.MISSCHEDULED}), (WorkloadHealthy,), POD_NEEDS, _judge)
