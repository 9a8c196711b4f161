"""A container runs but is not ready: its readiness probe fails, or its node is lost."""

from __future__ import annotations

from collections.abc import Iterator

from detectors.base import POD_NEEDS, Detector, Finding, View, severity_of
from detectors.facts import Condition, Pod
from detectors.model import FaultClass
from detectors.timestamps import seconds
from detectors.world import Workers, ref
from intents.model import WorkloadHealthy

NAME = "notReady"


def _judge(view: View) -> Iterator[Finding]:
    for workers in view.workers:
        for pod in workers.troubled:
            condition = next((c for c in pod.status.conditions if c.type == "Ready"), None)
            if condition is not None and condition.status != "True":
                yield from _pod(view, workers, pod, condition)


def _pod(view: View, workers: Workers, pod: Pod, condition: Condition) -> Iterator[Finding]:
    """A pod counts as not ready since the later of its condition's change and its container's start; a
    time that is not known is now, so that doubt waits. `started` False means that the startup probe has
    the word still."""
    changed = seconds(condition.last_transition_time) or view.at
    found = False
    for container in pod.status.container_statuses:
        running = container.state.running
        if container.ready:
            continue
        found = True
        if running is None or container.started is False:
            continue
        since = max(changed, seconds(running.started_at) or view.at)
        if view.at - since > view.patience.not_ready:
            yield view.container_violation(
                NAME,
                FaultClass.NOT_READY,
                workers,
                pod,
                container,
                reason=condition.reason or "ContainersNotReady",
                message=condition.message or f"container {container.name} runs but is not ready",
            )
    if not found and pod.status.container_statuses and view.at - changed > view.patience.not_ready:
        yield view.violation(  # all containers are ready, and still the pod is not
            NAME,
            FaultClass.NOT_READY,
            workers.ref,
            severity=severity_of(workers),
            reason=condition.reason or "PodNotReady",
            message=condition.message
            or "the pod is not ready though its containers are: a readiness gate or its node",
            subject=ref("Pod", pod.metadata),
        )


DETECTOR = Detector(NAME, frozenset({FaultClass.NOT_READY}), (WorkloadHealthy,), POD_NEEDS, _judge)
