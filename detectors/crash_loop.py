"""A container starts, ends, and starts again.

Not where the endings are OOM kills or failed starts: those have a cause of their own, and the crash loop is
only how the kubelet repeats it.
"""

from __future__ import annotations

from collections.abc import Iterator

from detectors.base import POD_NEEDS, Detector, Finding, Patience, View
from detectors.facts import ContainerStatus, Pod, Terminated
from detectors.model import FaultClass
from detectors.pods import containers, endings, oom_ending, ran, start_failed
from detectors.timestamps import age
from intents.model import WorkloadHealthy

NAME = "crashLoop"
BACK_OFF = "CrashLoopBackOff"


def _judge(view: View) -> Iterator[Finding]:
    for workers in view.workers:
        for pod in workers.troubled:
            for container in containers(pod):
                if oom_ending(container) is not None or start_failed(container):
                    continue
                ended = next(endings(container), None)
                if _loops(container, ended, view.at, view.patience):
                    code = "" if ended is None else str(ended.exit_code)
                    waiting = container.state.waiting
                    yield view.container_violation(
                        NAME,
                        FaultClass.CRASH_LOOP,
                        workers,
                        pod,
                        container,
                        reason=BACK_OFF if waiting is not None else "Restarting",
                        message=(ended.message if ended is not None else "")
                        or f"container {container.name} ends with exit code {code or 'unknown'} and is restarted",
                        facts={
                            "exitCode": code,
                            "signal": str(ended.signal) if ended is not None and ended.signal else "",
                            "endedAs": ended.reason if ended is not None else "",
                            **ran(ended),
                        },
                    )
                elif (
                    ended is not None
                    and _within(ended, view.at, view.patience.relapse)
                    and not _done(pod, container)
                ):
                    yield view.settling(workers.ref, f"container {container.name} ended a moment ago")


def _done(pod: Pod, container: ContainerStatus) -> bool:
    """Whether it is an init container whose work is done: ending well is its job."""
    ended = container.state.terminated
    inits = pod.status.init_container_statuses
    return ended is not None and ended.exit_code == 0 and any(container is init for init in inits)


def _loops(container: ContainerStatus, ended: Terminated | None, at: float, patience: Patience) -> bool:
    """The kubelet says CrashLoopBackOff only from its next try to start on; seconds before, a container
    that has ended twice in a row already shows both endings. One that runs again counts by its restarts."""
    waiting = container.state.waiting
    if waiting is not None:
        return waiting.reason == BACK_OFF
    before = container.last_state.terminated
    if container.state.terminated is not None:
        return before is not None and _within(before, at, patience.recent)
    if ended is None or container.restart_count < patience.restarts or ended.exit_code == 0:
        return False
    return _within(ended, at, patience.recent)


def _within(ended: Terminated, at: float, span: float) -> bool:
    """Whether it ended in the last `span` seconds; an ending without a time is taken to be recent."""
    since = age(ended.finished_at, at)
    return since is None or since <= span


DETECTOR = Detector(NAME, frozenset({FaultClass.CRASH_LOOP}), (WorkloadHealthy,), POD_NEEDS, _judge)
