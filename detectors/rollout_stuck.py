"""A Deployment's rollout made no progress within its deadline: the controller itself says so.

It comes after everything that a pod can tell, and stands alone where no pod tells anything. StatefulSets and DaemonSets
have no deadline: their pods speak, or are missing.
"""

from __future__ import annotations

from collections.abc import Iterator

from detectors.base import POD_NEEDS, Detector, Finding, View, severity_of
from detectors.model import FaultClass
from detectors.rollout import Phase, condition
from intents.model import WorkloadHealthy

NAME = "rolloutStuck"


def _judge(view: View) -> Iterator[Finding]:
    for workers in view.workers:
        if workers.rollout.phase is not Phase.STUCK:
            continue
        late = condition(workers.workload, "Progressing")
        said = late.message if late is not None else ""
        rollout, deadline = workers.rollout, workers.workload.spec.progress_deadline_seconds
        yield view.violation(
            NAME,
            FaultClass.ROLLOUT_STUCK,
            workers.ref,
            severity=severity_of(workers),
            reason="ProgressDeadlineExceeded",
            message=said or "the rollout made no progress within its deadline",
            facts={
                "replicas": str(rollout.desired),
                "updated": str(rollout.updated),
                "available": str(rollout.available),
                "deadlineSeconds": "" if deadline is None else str(deadline),
            },
        )


DETECTOR = Detector(NAME, frozenset({FaultClass.ROLLOUT_STUCK}), (WorkloadHealthy,), POD_NEEDS, _judge)
