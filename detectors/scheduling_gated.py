"""A pod that the scheduler may not look at yet: it carries a scheduling gate that nobody has lifted.

A gate is somebody's wish (a queue's, a quota's), so a short one is no matter, and a long one is told, not mended.
"""

from __future__ import annotations

from collections.abc import Iterator

from detectors.base import POD_NEEDS, Detector, Finding, View
from detectors.model import FaultClass, Severity
from detectors.timestamps import age
from detectors.world import ref
from intents.model import WorkloadHealthy

NAME = "schedulingGated"


def _judge(view: View) -> Iterator[Finding]:
    for workers, pod, condition in view.unplaced("SchedulingGated"):
        # The API server writes this condition with the pod and gives it no time.
        since = age(condition.last_transition_time or pod.metadata.creation_timestamp, view.at)
        if since is not None and since > view.patience.gated:
            said = condition.message or "a scheduling gate is set"
            yield view.violation(
                NAME,
                FaultClass.SCHEDULING_GATED,
                workers.ref,
                severity=Severity.INFO,
                reason=condition.reason,
                message=f"{said}: for more than {view.patience.gated:g} s nobody has lifted the pod's "
                "spec.schedulingGates",
                subject=ref("Pod", pod.metadata),
            )


DETECTOR = Detector(NAME, frozenset({FaultClass.SCHEDULING_GATED}), (WorkloadHealthy,), POD_NEEDS, _judge)
