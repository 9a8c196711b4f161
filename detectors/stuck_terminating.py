"""A pod or a workload that was deleted and does not go.

A pod's deletionTimestamp is when its grace period ends, other objects' when they were deleted. What keeps it is a
finalizer that nobody removes, or a kubelet that does not answer or cannot stop it.
"""

from __future__ import annotations

from collections.abc import Iterator

from detectors.base import POD_NEEDS, Detector, Finding, View, severity_of
from detectors.facts import ObjectMeta
from detectors.model import FaultClass, ObjectRef
from detectors.timestamps import seconds
from detectors.world import Workers, ref
from intents.model import WorkloadHealthy

NAME = "stuckTerminating"


def _judge(view: View) -> Iterator[Finding]:
    for workers in view.workers:
        for pod in workers.going:
            yield from _stuck(view, workers, ref("Pod", pod.metadata), pod.metadata, pod.spec.node_name)
        if workers.workload.metadata.deletion_timestamp is not None and not workers.going:
            yield from _stuck(view, workers, workers.ref, workers.workload.metadata, None)


def _stuck(
    view: View, workers: Workers, subject: ObjectRef, meta: ObjectMeta, node: str | None
) -> Iterator[Finding]:
    since = seconds(meta.deletion_timestamp)
    if since is None or view.at - since <= view.patience.terminating:
        return
    kept = ", ".join(meta.finalizers)
    why = f"it waits for the finalizer {kept}" if kept else f"node {node or 'unknown'} has not stopped it"
    yield view.violation(
        NAME,
        FaultClass.STUCK_TERMINATING,
        workers.ref,
        severity=severity_of(workers),
        reason="Finalizers" if kept else "NotStopped",
        message=f"{subject} was deleted and is still there more than {view.patience.terminating:g} s after it "
        f"should be gone: {why}",
        subject=subject,
        facts={"finalizers": kept, "node": node or ""},
    )


DETECTOR = Detector(NAME, frozenset({FaultClass.STUCK_TERMINATING}), (WorkloadHealthy,), POD_NEEDS, _judge)
