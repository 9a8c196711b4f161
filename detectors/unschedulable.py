"""No node takes the pod: the reason says for want of what, as the scheduler's sentence has it."""

from __future__ import annotations

from collections.abc import Iterator

from detectors.base import POD_NEEDS, Detector, Finding, View, severity_of
from detectors.model import FaultClass
from detectors.scheduler_words import read
from detectors.timestamps import age
from detectors.world import ref
from intents.model import WorkloadHealthy

NAME = "unschedulable"


def _judge(view: View) -> Iterator[Finding]:
    # SchedulingGated is scheduling_gated's, SchedulerError the scheduler's own trouble.
    for workers, pod, condition in view.unplaced("Unschedulable"):
        since = age(condition.last_transition_time, view.at)
        if since is not None and since > view.patience.unschedulable:
            why = read(condition.message)
            yield view.violation(
                NAME,
                FaultClass.UNSCHEDULABLE,
                workers.ref,
                severity=severity_of(workers),
                reason=why.kind or condition.reason,
                message=condition.message,
                subject=ref("Pod", pod.metadata),
                facts={
                    "nodes": "" if why.nodes is None else str(why.nodes),
                    "resources": ",".join(why.resources),
                    "taint": why.taint,
                    "claim": why.claim,
                },
            )


DETECTOR = Detector(NAME, frozenset({FaultClass.UNSCHEDULABLE}), (WorkloadHealthy,), POD_NEEDS, _judge)
