"""A container runs but is not ready: its readiness probe fails, or its node is lost.

A pod that is ready again before it counts as not ready, and then not again, flaps: from the third time within ten
minutes (Patience.flaps) that is one fault, which lasts until it has kept still for as long. Counted is what looks
saw; after a restart of the daemon the count begins anew.
"""

from __future__ import annotations

from collections.abc import Iterator

from detectors.base import POD_NEEDS, Detector, Finding, View, severity_of
from detectors.facts import Condition, Pod
from detectors.model import FaultClass
from detectors.pods import lost_ready
from detectors.timestamps import seconds
from detectors.world import Workers, ref
from intents.model import WorkloadHealthy

NAME = "notReady"


def _judge(view: View) -> Iterator[Finding]:
    for workers in view.troubled:
        for pod in workers.troubled:
            condition = next((c for c in pod.status.conditions if c.type == "Ready"), None)
            if condition is not None and condition.status != "True":
                yield from _pod(view, workers, pod, condition)
    for workers in view.workers:
        if workers.lost_ready:
            yield from _flapping(view, workers)


def _flapping(view: View, workers: Workers) -> Iterator[Finding]:
    for pod in workers.pods:
        times = workers.lost_ready.get(pod.metadata.uid, ())
        lately = [at for at in times if view.at - at <= view.patience.recent]
        if len(lately) >= view.patience.flaps:
            yield view.violation(
                NAME,
                FaultClass.NOT_READY,
                workers.ref,
                severity=severity_of(workers),
                reason="ReadinessFlapping",
                message=f"the pod loses its readiness again and again while its containers run on: at least "
                f"{view.patience.flaps} times in the last {view.patience.recent:g} s",
                subject=ref("Pod", pod.metadata),
                facts={"readiness": "flapping", "lost": str(len(lately))},
            )


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
            readiness, words = _readiness(pod, condition)
            said = condition.message or f"container {container.name} runs but is not ready"
            yield view.container_violation(
                NAME,
                FaultClass.NOT_READY,
                workers,
                pod,
                container,
                reason=condition.reason or "ContainersNotReady",
                message=f"{said}{words}",
                facts={"readiness": readiness},
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


def _readiness(pod: Pod, condition: Condition) -> tuple[str, str]:
    """Whether it was ready before, as a fact and in words; empty where no time tells."""
    if seconds(condition.last_transition_time) is None:
        return "", ""
    if lost_ready(pod) is None:
        return "never", " (not once since it was started)"
    return "lost", " (it was ready before)"


DETECTOR = Detector(NAME, frozenset({FaultClass.NOT_READY}), (WorkloadHealthy,), POD_NEEDS, _judge)
