"""The runtime cannot create or start a container: a command that is not in the image, a volume that cannot
be mounted, a security setting that the image contradicts."""

from __future__ import annotations

from collections.abc import Iterator

from detectors.base import POD_NEEDS, Detector, Finding, View, severity_of
from detectors.facts import ContainerStatus, Pod
from detectors.model import FaultClass
from detectors.pods import START_REASONS, containers, endings, oom_ending, start_failed
from detectors.references import missing_reference, passes_by_itself
from detectors.timestamps import age
from detectors.world import Workers, ref
from intents.model import WorkloadHealthy

NAME = "startError"
CREATING = frozenset({"ContainerCreating", "PodInitializing"})


def _judge(view: View) -> Iterator[Finding]:
    for workers in view.workers:
        for pod in workers.troubled:
            found = False
            for container in containers(pod):
                said = _failure(container)
                if said is None:
                    continue
                found = True
                reason, message = said
                yield view.container_violation(
                    NAME, FaultClass.START_ERROR, workers, pod, container, reason=reason, message=message
                )
            if not found:
                yield from _stuck(view, workers, pod)


def _failure(container: ContainerStatus) -> tuple[str, str] | None:
    """Reason and message where the runtime could not start it."""
    if oom_ending(container) is not None:
        return None
    waiting = container.state.waiting
    if waiting is not None and waiting.reason == "CreateContainerConfigError":
        if missing_reference(waiting.message) is not None or passes_by_itself(waiting.message):
            return None  # config_reference's, or nobody's
        return waiting.reason, waiting.message
    if not start_failed(container):
        return None
    if waiting is not None and waiting.reason in START_REASONS:
        return waiting.reason, waiting.message
    ended = next(ending for ending in endings(container) if ending.reason in START_REASONS)
    return ended.reason, ended.message


def _stuck(view: View, workers: Workers, pod: Pod) -> Iterator[Finding]:
    """A pod on a node whose first container has been "creating" for too long: its volumes or its network
    cannot be set up. Only events say which, so this names no container."""
    waits = [container.state.waiting for container in containers(pod)]
    if not waits or any(waiting is None or waiting.reason not in CREATING for waiting in waits):
        return
    scheduled = next(
        (c for c in pod.status.conditions if c.type == "PodScheduled" and c.status == "True"), None
    )
    since = age(
        scheduled.last_transition_time if scheduled is not None else pod.metadata.creation_timestamp, view.at
    )
    if since is not None and since > view.patience.creating:
        yield view.violation(
            NAME,
            FaultClass.START_ERROR,
            workers.ref,
            severity=severity_of(workers),
            reason="ContainerCreating",
            message=f"its containers have been in creation for more than {view.patience.creating:g} s",
            subject=ref("Pod", pod.metadata),
        )


DETECTOR = Detector(NAME, frozenset({FaultClass.START_ERROR}), (WorkloadHealthy,), POD_NEEDS, _judge)
