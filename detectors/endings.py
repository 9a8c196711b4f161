"""Why a container ends again and again, as far as its status tells. One reading for all detectors of endings, so
that one ending is one fault.

Who killed a container is in no status: the kubelet says it in events alone. What a status gives is the exit code and
how long the container ran, and a probe needs its time before it gives up. An ending that came sooner was not the
probe's doing; one that fits is called the probe's, and the message says on what grounds.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from detectors.base import Patience, View
from detectors.facts import ContainerStatus, Pod, Probe, TemplateContainer, Terminated, Workload
from detectors.model import FaultClass
from detectors.pods import containers, endings, oom_ending, start_failed, wrong_architecture
from detectors.timestamps import age, between
from detectors.world import Workers

BACK_OFF = "CrashLoopBackOff"
DONE, KILLED, STOPPED = 0, 137, 143
MEANINGS = {
    DONE: "by itself, without an error",
    126: "the command was found but cannot be executed",
    127: "command not found",
    134: "aborted (SIGABRT)",
    135: "bus error (SIGBUS)",
    136: "arithmetic error (SIGFPE)",
    KILLED: "killed (SIGKILL), and the runtime reports no lack of memory",
    139: "segmentation fault (SIGSEGV)",
    STOPPED: "told to stop (SIGTERM)",
}
"""What an exit code usually means: 126 and 127 are the shell's (POSIX, Shell Command Language 2.8.2), above 128 it is
128 and the signal. Others (1, 2, ...) are the program's own."""

_FORBIDDEN = re.compile(
    r'is forbidden: User "(?P<account>[^"\s]{1,300})" cannot (?P<verb>[a-z]{1,30}) resource "(?P<resource>[^"\s]{1,120})"'
)
"""The API server's refusal (apiserver pkg/endpoints/handlers/responsewriters/errors.go)."""

_PERIOD, _THRESHOLD, _TIMEOUT, _GRACE = 10, 3, 1, 30
"""The API's defaults (core/v1 Probe and PodSpec), for a template that was not read from a server."""
_SLACK = 2.0
"""Seconds: a status tells whole ones, of two times."""


@dataclass(frozen=True, slots=True)
class Ending:
    """How a container ended, once of several times. `probe` is the one that may have had it killed."""

    workers: Workers
    pod: Pod
    container: ContainerStatus
    ended: Terminated | None
    fault_class: FaultClass
    reason: str
    probe: Probe | None = None


def repeated(view: View) -> Iterator[Ending]:
    """The containers in scope that end again and again, each with the class that its endings fall into. Not where
    they were killed for memory, never started or cannot run on this machine.

    A program that stops when told to ends with 0: that is the probe's doing only where it happens in the very time
    that the probe needs. A killed one may have run for longer: a liveness probe can fail at any time."""
    for workers in view.troubled:
        for pod in workers.troubled:
            for container in containers(pod):
                if (
                    oom_ending(container) is not None
                    or wrong_architecture(container) is not None
                    or start_failed(container)
                ):
                    continue
                ended = next(endings(container), None)
                if loops(container, ended, view.at, view.patience):
                    waiting = container.state.waiting
                    fault_class, probe = _class(workers.workload, pod, container, ended)
                    reason = BACK_OFF if waiting is not None else "Restarting"
                    yield Ending(workers, pod, container, ended, fault_class, reason, probe)


def loops(container: ContainerStatus, ended: Terminated | None, at: float, patience: Patience) -> bool:
    """The kubelet says CrashLoopBackOff only from its next try to start on; seconds before, a container
    that has ended twice in a row already shows both endings. One that runs again counts by its restarts."""
    waiting = container.state.waiting
    if waiting is not None:
        return waiting.reason == BACK_OFF
    before = container.last_state.terminated
    if container.state.terminated is not None:
        return before is not None and ended_within(before, at, patience.recent)
    if ended is None or container.restart_count < patience.restarts or ended.exit_code == DONE:
        return False
    return ended_within(ended, at, patience.recent)


def ended_within(ended: Terminated, at: float, span: float) -> bool:
    """Whether it ended in the last `span` seconds; an ending without a time is taken to be recent."""
    since = age(ended.finished_at, at)
    return since is None or since <= span


def meaning(ended: Terminated | None) -> str:
    """What the exit code usually means; empty where only the program knows."""
    if ended is None:
        return ""
    signal = ended.exit_code - 128
    known = MEANINGS.get(ended.exit_code, "")
    return known or (f"ended by signal {signal}" if 0 < signal <= 64 else "")


def forbidden(message: str) -> dict[str, str]:
    """Account, verb and resource where the message is the API server's refusal; else empty."""
    found = _FORBIDDEN.search(message)
    return found.groupdict() if found else {}


def is_init(workload: Workload, pod: Pod, container: ContainerStatus) -> bool:
    """Whether the pod waits for this container to end. A sidecar stands among the init containers and runs on."""
    if not any(container is other for other in pod.status.init_container_statuses):
        return False
    template = declared(workload, container)
    return template is None or template.restart_policy != "Always"


def declared(workload: Workload, container: ContainerStatus) -> TemplateContainer | None:
    """The container in the template of its workload."""
    spec = workload.spec.template.spec
    return next(
        (one for one in (*spec.init_containers, *spec.containers) if one.name == container.name), None
    )


def allowed(probe: Probe) -> int:
    """Seconds from a container's start after which the probe gives up at the latest, its tries aside."""
    return (probe.initial_delay_seconds or 0) + _period(probe) * _threshold(probe)


def in_words(probe: Probe) -> str:
    """`initialDelaySeconds 0, periodSeconds 10, failureThreshold 3`."""
    return (
        f"initialDelaySeconds {probe.initial_delay_seconds or 0}, periodSeconds {_period(probe)}, "
        f"failureThreshold {_threshold(probe)}"
    )


def _class(
    workload: Workload, pod: Pod, container: ContainerStatus, ended: Terminated | None
) -> tuple[FaultClass, Probe | None]:
    if ended is not None and forbidden(ended.message):
        return FaultClass.RIGHTS_DENIED, None
    if is_init(workload, pod, container):
        return FaultClass.INIT_CONTAINER, None
    template = declared(workload, container)
    lasted = None if ended is None else between(ended.started_at, ended.finished_at)
    if ended is None or template is None or lasted is None:
        return FaultClass.CRASH_LOOP, None
    grace = workload.spec.template.spec.termination_grace_period_seconds
    killed, stopped = ended.exit_code in (KILLED, STOPPED), ended.exit_code in (DONE, KILLED, STOPPED)
    startup, liveness = template.startup_probe, template.liveness_probe
    if startup is not None and stopped and _soonest(startup) <= lasted <= _latest(startup, grace):
        return FaultClass.STARTUP_PROBE, startup
    if liveness is not None and lasted >= _soonest(liveness):
        at_once = startup is None and stopped and lasted <= _latest(liveness, grace)
        if killed or at_once:
            return FaultClass.LIVENESS_PROBE, liveness
    return FaultClass.CRASH_LOOP, None


def _soonest(probe: Probe) -> float:
    """Seconds after which it can have failed for the last time: its first try comes with the delay."""
    return (probe.initial_delay_seconds or 0) + _period(probe) * (_threshold(probe) - 1) - _SLACK


def _latest(probe: Probe, grace: int | None) -> float:
    """Seconds after which a container is gone whose probe failed from the beginning: its tries, the last one's
    time-out, and the time that the program has to stop."""
    timeout = _TIMEOUT if probe.timeout_seconds is None else probe.timeout_seconds
    return allowed(probe) + timeout + (_GRACE if grace is None else grace) + _SLACK


def _period(probe: Probe) -> int:
    return _PERIOD if probe.period_seconds is None else probe.period_seconds


def _threshold(probe: Probe) -> int:
    return _THRESHOLD if probe.failure_threshold is None else probe.failure_threshold
