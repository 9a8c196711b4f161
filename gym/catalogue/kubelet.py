"""What a pod shows, in the words of the kubelet and the container runtime.

Sources: kubernetes `pkg/kubelet/images/types.go`, `image_manager.go` (reasons and messages of pulls),
`pkg/kubelet/kuberuntime/kuberuntime_container.go` and `kuberuntime_manager.go` (CreateContainerConfigError,
RunContainerError, back-off), `pkg/kubelet/kubelet_pods.go` (references to ConfigMaps and Secrets),
`pkg/kubelet/prober/` and `pkg/probe/` (probes), `pkg/volume/util/` (mounts); containerd for what it says of
registries, runc for what it says of starts. What holds the pod's name (the message and the event of a back-off) is
left to the stage.
"""

from __future__ import annotations

from typing import Any

Json = dict[str, Any]

BACK_OFF: Json = {"waiting": {"reason": "CrashLoopBackOff"}}


def cannot_pull(image: str, container: str, why: str) -> Json:
    """ImagePullBackOff after the runtime refused; `why` is what containerd says after the image."""
    error = f'failed to pull and unpack image "{image}": failed to resolve reference "{image}": {why}'
    pulled = f'Failed to pull image "{image}": {error}'
    return {
        "container": container,
        "containerState": waits(
            "ImagePullBackOff", f'Back-off pulling image "{image}": ErrImagePull: {error}'
        ),
        "ready": False,
        "events": [
            f"Failed: {pulled}",
            "Failed: Error: ErrImagePull",
            f'BackOff: Back-off pulling image "{image}"',
            "Failed: Error: ImagePullBackOff",
        ],
    }


def not_found(image: str) -> str:
    """containerd's words for a tag that a registry does not have."""
    return f"{image}: not found"


def invalid_image(image: str, container: str, why: str) -> Json:
    """InvalidImageName: the reference does not parse."""
    message = f'Failed to apply default image tag "{image}": couldn\'t parse image name "{image}": invalid reference format{why}'
    return {
        "container": container,
        "containerState": waits("InvalidImageName", message),
        "ready": False,
        "events": [f"InspectFailed: {message}", "Failed: Error: InvalidImageName"],
    }


def never_pulled(image: str, container: str) -> Json:
    """ErrImageNeverPull: the policy forbids the pull, and the node does not have the image."""
    message = f'Container image "{image}" is not present with pull policy of Never'
    return {
        "container": container,
        "containerState": waits("ErrImageNeverPull", message),
        "ready": False,
        "events": [f"ErrImageNeverPull: {message}", "Failed: Error: ErrImageNeverPull"],
    }


def config_error(container: str, message: str) -> Json:
    """CreateContainerConfigError: what the container's configuration names is not there."""
    return {
        "container": container,
        "containerState": waits("CreateContainerConfigError", message),
        "ready": False,
        "events": [f"Failed: Error: {message}"],
    }


def start_error(container: str, why: str) -> Json:
    """The runtime cannot start it: exit code 128, then back-off."""
    message = (
        "failed to create containerd task: failed to create shim task: OCI runtime create failed: runc create "
        f"failed: unable to start container process: error during container init: {why}"
    )
    ended = {"exitCode": 128, "reason": "StartError", "message": message}
    return {
        "container": container,
        "containerState": waits("RunContainerError", message),
        "lastState": {"terminated": ended},
        "ready": False,
        "restartCount": 4,
        "events": [f"Failed: Error: {message}", f"BackOff: Back-off restarting failed container {container}"],
    }


def no_executable(command: str) -> str:
    """runc's words for a command that the image does not have."""
    return f'exec: "{command}": executable file not found in $PATH'


def crashes(
    container: str,
    logs: str,
    code: int = 1,
    *,
    reason: str = "Error",
    restarts: int = 6,
    last_words: str = "",
    **more: Any,
) -> Json:
    """CrashLoopBackOff: the program ends by itself, or the kernel ends it (137, OOMKilled). `last_words` are the
    termination message: the log's end where the container's terminationMessagePolicy says so."""
    ended = {"exitCode": code, "reason": reason, **({"message": last_words} if last_words else {})}
    return {
        "container": container,
        "containerState": dict(BACK_OFF),
        "lastState": {"terminated": ended},
        "ready": False,
        "restartCount": restarts,
        "logs": logs,
        **more,
    }


def out_of_memory(container: str, logs: str, restarts: int = 6) -> Json:
    """The kernel kills it at its limit."""
    return crashes(container, logs, 137, reason="OOMKilled", restarts=restarts)


def init_crashes(container: str, logs: str, code: int = 1) -> Json:
    """An init container fails again and again; the others wait."""
    return {
        "container": container,
        "initContainerState": dict(BACK_OFF),
        "lastState": {"terminated": {"exitCode": code, "reason": "Error"}},
        "ready": False,
        "restartCount": 6,
        "logs": logs,
    }


def init_runs(container: str, logs: str, seconds: int) -> Json:
    """An init container has run for so long and does not end; the others wait."""
    return {
        "container": container,
        "initContainerState": {"running": {}},
        "lasted": seconds,
        "ready": False,
        "logs": logs,
    }


def unready(container: str, failure: str, logs: str = "") -> Json:
    """It runs, and its readiness probe fails."""
    return {
        "container": container,
        "containerState": {"running": {}},
        "ready": False,
        "events": [f"Unhealthy: Readiness probe failed: {failure}"],
        **({"logs": logs} if logs else {}),
    }


def killed_by_probe(container: str, probe: str, failure: str, logs: str, seconds: int) -> Json:
    """A liveness or startup probe has it restarted after so many seconds: it ends by signal, 143 where it heeds the
    first one."""
    found = crashes(container, logs, 143, restarts=7, lasted=seconds)
    told = f"Unhealthy: {probe.capitalize()} probe failed: {failure}"
    killed = f"Killing: Container {container} failed {probe} probe, will be restarted"
    return {**found, "events": [told, killed, f"BackOff: Back-off restarting failed container {container}"]}


def status_code(code: int) -> str:
    """An HTTP probe's answer that does not count as success."""
    return f"HTTP probe failed with statuscode: {code}"


def refused(port: int, path: str, scheme: str = "http") -> str:
    """Nothing listens where an HTTP probe asks."""
    return (
        f'Get "{scheme}://10.244.1.17:{port}{path}": dial tcp 10.244.1.17:{port}: connect: connection refused'
    )


def mount_fails(containers: list[str], volume: str, why: str) -> list[Json]:
    """All containers of the pod stay in ContainerCreating: a volume cannot be set up."""
    event = f'FailedMount: MountVolume.SetUp failed for volume "{volume}" : {why}'
    return [
        {
            "container": name,
            "containerState": {"waiting": {"reason": "ContainerCreating"}},
            "ready": False,
            **({"events": [event]} if place == 0 else {}),
        }
        for place, name in enumerate(containers)
    ]


def waits(reason: str, message: str) -> Json:
    """A waiting container."""
    return {"waiting": {"reason": reason, "message": message}}
