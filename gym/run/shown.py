"""What a container of a sick pod shows, as a value, and the words that kubelet and containerd have for it.

Source of the words: Kubernetes 1.36, pkg/kubelet/kuberuntime and pkg/kubelet/images.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import NamedTuple

from gym.cases.state import Json, mapping

RESTARTS = 5
"""Restarts of a container that is seen in CrashLoopBackOff: some minutes of them."""


class Event(NamedTuple):
    """An event of a pod; `normal` ones are no warnings."""

    reason: str
    message: str
    normal: bool = False


@dataclass(frozen=True, slots=True)
class Shown:
    """What one container of a sick pod shows. `state` and `last` as in a containerStatus, times left out; `phase` is the
    pod's where the case states it, `lasted` how many seconds it has run, or ran until it ended."""

    state: Json
    last: Json | None = None
    init: bool = False
    ready: bool = False
    restarts: int = 0
    events: tuple[Event, ...] = ()
    log: str = ""
    phase: str = ""
    lasted: int | None = None


def ended_as(last: Mapping[str, object] | None) -> Json | None:
    ended = mapping(dict(last).get("terminated")) if last else {}
    if not ended:
        return None
    code = ended.get("exitCode", 1)
    return {"terminated": {"reason": "Completed" if code == 0 else "Error", **ended, "exitCode": code}}


def back_off(pod: Json, container: Json) -> str:
    """pkg/kubelet/kuberuntime/kuberuntime_manager.go, doBackOff."""
    metadata = mapping(pod.get("metadata"))
    told = f"{metadata.get('name')}_{metadata.get('namespace')}({metadata.get('uid')})"
    return f"back-off 2m40s restarting failed container={container.get('name')} pod={told}"


def backing_off(pod: Json, container: Json) -> Event:
    message = back_off(pod, container).partition("failed ")[2].replace("=", " ", 1)
    return Event("BackOff", f"Back-off restarting failed {message.replace(' pod=', ' in pod ')}")


def events_of(state: Json, pod: Json, container: Json) -> tuple[Event, ...]:
    """Events that a kubelet writes beside a waiting state."""
    waiting = mapping(state.get("waiting"))
    reason, message = str(waiting.get("reason", "")), str(waiting.get("message", ""))
    match reason:
        case "CrashLoopBackOff":
            return (backing_off(pod, container),)
        case "ImagePullBackOff" | "ErrImagePull":
            image = container.get("image")
            said = f'Failed to pull image "{image}": failed to pull and unpack image "{image}": not found'
            return (
                Event("Failed", said if reason == "ImagePullBackOff" else message or said),
                Event("BackOff", message),
            )
        case "CreateContainerConfigError" | "CreateContainerError" | "InvalidImageName":
            return (Event("Failed", f"Error: {message}"),)
        case _:
            return ()
