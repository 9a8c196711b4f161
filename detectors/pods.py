"""What pod statuses say, in the few predicates that several detectors share.

Detectors do not import each other, so "this is explained by an OOM kill" lives here.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from detectors.facts import ContainerStatus, Pod, Terminated
from detectors.timestamps import between, seconds

OOM_KILLED = "OOMKilled"
IMAGE_REASONS = frozenset(
    {
        "ErrImagePull",
        "ImagePullBackOff",
        "InvalidImageName",
        "ErrImageNeverPull",
        "ImageInspectError",
        "RegistryUnavailable",
        "SignatureValidationFailed",
    }
)
"""Waiting reasons of the kubelet's image manager (kubernetes pkg/kubelet/images/types.go and cri-api)."""
START_REASONS = frozenset(
    {
        "RunContainerError",
        "CreateContainerError",
        "StartError",
        "ContainerCannotRun",
        "PreCreateHookError",
        "PreStartHookError",
        "PostStartHookError",
    }
)
"""Reasons that mean "the runtime could not start it" (kubelet, pkg/kubelet/container/sync_result.go and
kuberuntime; StartError is containerd's reason, ContainerCannotRun Docker's)."""


def alive(pod: Pod) -> bool:
    """Whether the pod still counts: not on its way out and not finished. Evicted pods (Failed) stay listed
    long after their ReplicaSet replaced them."""
    return pod.metadata.deletion_timestamp is None and pod.status.phase not in ("Succeeded", "Failed")


def takes_room_on(pod: Pod) -> str | None:
    """The node that the pod takes up room on: also while it terminates, but not once it has ended."""
    return None if pod.status.phase in ("Succeeded", "Failed") else pod.spec.node_name


def quiet(pod: Pod) -> bool:
    """Whether nothing in this pod can interest a pod detector.

    The hot path: it runs for every pod of every workload under an intent, so it stops at the first doubt
    and allocates nothing. True needs: Running, pod condition Ready True, every container ready and none
    ever terminated before.
    """
    status = pod.status
    if status.phase != "Running" or not status.container_statuses:
        return False
    for container in status.container_statuses:
        if not container.ready or container.last_state.terminated is not None:
            return False
    for container in status.init_container_statuses:
        if container.state.waiting is not None or container.last_state.terminated is not None:
            return False
    for condition in status.conditions:
        if condition.type == "Ready":
            return condition.status == "True"
    return False


def ready(pod: Pod) -> bool:
    """The pod condition Ready, which is what Services go by."""
    return any(
        condition.type == "Ready" and condition.status == "True" for condition in pod.status.conditions
    )


def containers(pod: Pod) -> Iterator[ContainerStatus]:
    """Every container status, init containers first: they come first in a pod's life too."""
    yield from pod.status.init_container_statuses
    yield from pod.status.container_statuses


def image_of(pod: Pod, container: ContainerStatus) -> str:
    """The image as declared (the status may hold a resolved name)."""
    for declared in pod.spec.containers:
        if declared.name == container.name:
            return declared.image or container.image
    return container.image


RAN = "ranSeconds"
"""The fact that says how long a container ran before it ended: how often its fault shows itself."""


def ran(ending: Terminated | None) -> dict[str, str]:
    """The fact RAN in whole seconds; empty where the kubelet does not tell."""
    lasted = None if ending is None else between(ending.started_at, ending.finished_at)
    return {} if lasted is None else {RAN: f"{lasted:.0f}"}


def endings(container: ContainerStatus) -> Iterator[Terminated]:
    """How the container ended, now and the time before."""
    if container.state.terminated is not None:
        yield container.state.terminated
    if container.last_state.terminated is not None:
        yield container.last_state.terminated


def oom_ending(container: ContainerStatus) -> Terminated | None:
    """The ending that the kernel's OOM killer caused, as the runtime reported it.

    Exit code 137 alone is any SIGKILL (a failed liveness probe ends so too) and proves nothing. Where the
    limit is too small even for the runtime's init process, there is only runc's sentence.
    """
    for ending in endings(container):
        if ending.reason == OOM_KILLED or "OOM-killed" in ending.message:
            return ending
    waiting = container.state.waiting
    if waiting is not None and "OOM-killed" in waiting.message:
        return Terminated(exit_code=128, reason=OOM_KILLED, message=waiting.message)
    return None


def start_failed(container: ContainerStatus) -> bool:
    """Whether the latest thing known is that the runtime could not start it."""
    waiting = container.state.waiting
    if waiting is not None and waiting.reason in START_REASONS:
        return True
    return (
        any(ending.reason in START_REASONS for ending in endings(container))
        and container.state.running is None
    )


_ARCHITECTURE = re.compile(
    r"exec format error|no match for platform in manifest|no matching manifest for \S+|"
    r"image operating system \S+ cannot be used on this platform"
)
"""The kernel (ENOEXEC), containerd (images/image.go, "no match for platform in manifest") and Docker's registry
client."""


def wrong_architecture(container: ContainerStatus) -> str | None:
    """The words that say that the image is for another machine; None where nothing says so. A program that starts and
    then fails so says it in its log, which a status shows only with terminationMessagePolicy FallbackToLogsOnError."""
    if container.ready:
        return None
    waiting = container.state.waiting
    said = [waiting.message] if waiting is not None else []
    said += [ending.message for ending in endings(container)]
    return next((text for text in said if _ARCHITECTURE.search(text)), None)


PUT_OFF = frozenset({"Evicted", "Preempting"})
"""Reasons of a failed pod that the kubelet put off its node: pkg/kubelet/eviction and pkg/kubelet/preemption."""
PREEMPTED = "PreemptionByScheduler"
"""Reason of the condition DisruptionTarget. Its other reasons are a drain, a taint or a shutdown: somebody's wish, or
the node's fault."""


def evicted(pod: Pod) -> bool:
    """Whether the pod had to leave its node, for want of something or for a pod of higher priority."""
    if pod.status.phase == "Failed" and pod.status.reason in PUT_OFF:
        return True
    return any(
        condition.type == "DisruptionTarget" and condition.status == "True" and condition.reason == PREEMPTED
        for condition in pod.status.conditions
    )


def lost_ready(pod: Pod) -> float | None:
    """When the pod lost the readiness that it had while all its containers ran on (Unix seconds); None where it
    did not, or where nothing tells. A container that started after that restarted, which is another matter."""
    for condition in pod.status.conditions:
        if condition.type == "Ready" and condition.status != "True":
            at = seconds(condition.last_transition_time)
            if at is None or not pod.status.container_statuses:
                return None
            for container in pod.status.container_statuses:
                running = container.state.running
                started = None if running is None else seconds(running.started_at)
                if started is None or started + JUST_STARTED >= at:
                    return None
            return at
    return None


JUST_STARTED = 2.0
"""Seconds. A pod is not ready from its creation on, which is before its containers start; statuses tell whole
seconds, of two clocks' readings."""
