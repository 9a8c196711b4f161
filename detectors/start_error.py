"""The runtime cannot create or start a container: a command that is not in the image, a volume that cannot
be mounted, a security setting that the image contradicts."""

from __future__ import annotations

from collections.abc import Iterator

from detectors.base import POD_NEEDS, Detector, Finding, View, severity_of
from detectors.facts import ContainerStatus, Pod
from detectors.model import FaultClass
from detectors.pods import (
    START_REASONS,
    containers,
    endings,
    oom_ending,
    start_failed,
    wrong_architecture,
)
from detectors.references import CONFIG_ERROR, missing_reference, passes_by_itself
from detectors.timestamps import age
from detectors.world import Workers, ref
from intents.model import WorkloadHealthy

NAME = "startError"
CREATING = frozenset({"ContainerCreating", "PodInitializing"})


def _judge(view: View) -> Iterator[Finding]:
    for workers in view.troubled:
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
    if oom_ending(container) is not None or wrong_architecture(container) is not None:
        return None
    waiting = container.state.waiting
    if waiting is not None and waiting.reason == CONFIG_ERROR:
        if missing_reference(waiting.message) is not None or passes_by_itself(waiting.message):
            return None  # config_reference's, secret_reference's, or nobody's
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
    said = {condition.type: condition for condition in pod.status.conditions}
    scheduled, prepared = said.get("PodScheduled"), said.get("PodReadyToStartContainers")
    if scheduled is None or scheduled.status != "True":
        return
    unprepared = prepared is not None and prepared.status == "False"
    limit = view.patience.setup if unprepared else view.patience.creating
    since = age(scheduled.last_transition_time, view.at)
    if since is not None and since > limit:
        yield view.violation(
            NAME,
            FaultClass.START_ERROR,
            workers.ref,
            severity=severity_of(workers),
            reason="SandboxOrVolumes" if unprepared else "ContainerCreating",
            message=f"for more than {limit:g} s on its node without "
            + ("its volumes or sandbox" if unprepared else "a container"),
            subject=ref("Pod", pod.metadata),
        )


DETECTOR = Detector(NAME, frozenset({FaultClass.START_ERROR}), (WorkloadHealthy,), POD_NEEDS, _judge)
