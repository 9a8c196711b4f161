"""A container starts, ends, and starts again, and nothing but the program itself explains it.

Not where the endings have a cause that their status tells (detectors.endings): a lack of memory, a failed start, a
probe, an init container. There the crash loop is only how the kubelet repeats it.
"""

from __future__ import annotations

from collections.abc import Iterator

from detectors.base import POD_NEEDS, Detector, Finding, View
from detectors.endings import Ending, ended_within, loops, meaning, repeated
from detectors.facts import ContainerStatus, Pod
from detectors.model import FaultClass
from detectors.pods import containers, endings, oom_ending, ran, start_failed
from intents.model import WorkloadHealthy

NAME = "crashLoop"


def _judge(view: View) -> Iterator[Finding]:
    for ending in repeated(view):
        if ending.fault_class is FaultClass.CRASH_LOOP:
            yield view.container_violation(
                NAME,
                FaultClass.CRASH_LOOP,
                ending.workers,
                ending.pod,
                ending.container,
                reason=ending.reason,
                message=_message(ending),
                facts=_facts(ending),
            )
    yield from _settling(view)


def _message(ending: Ending) -> str:
    ended, name = ending.ended, ending.container.name
    if ended is None:
        return f"container {name} ends with exit code unknown and is restarted"
    why = meaning(ended)
    plain = (
        f"container {name} ends with exit code {ended.exit_code}{f' ({why})' if why else ''} and is restarted"
    )
    return ended.message or plain


def _facts(ending: Ending) -> dict[str, str]:
    ended = ending.ended
    if ended is None:
        return {}
    return {
        "exitCode": str(ended.exit_code),
        "signal": str(ended.signal) if ended.signal else "",
        "endedAs": ended.reason,
        "meaning": meaning(ended),
        **ran(ended),
    }


def _settling(view: View) -> Iterator[Finding]:
    """One that ended a moment ago, for the first time or the second, is neither broken nor whole."""
    for workers in view.troubled:
        for pod in workers.troubled:
            for container in containers(pod):
                ended = next(endings(container), None)
                if (
                    ended is not None
                    and ended_within(ended, view.at, view.patience.relapse)
                    and oom_ending(container) is None
                    and not start_failed(container)
                    and not loops(container, ended, view.at, view.patience)
                    and not _done(pod, container)
                ):
                    yield view.settling(workers.ref, f"container {container.name} ended a moment ago")


def _done(pod: Pod, container: ContainerStatus) -> bool:
    """Whether it is an init container whose work is done: ending well is its job."""
    ended = container.state.terminated
    inits = pod.status.init_container_statuses
    return ended is not None and ended.exit_code == 0 and any(container is init for init in inits)


DETECTOR = Detector(NAME, frozenset({FaultClass.CRASH_LOOP}), (WorkloadHealthy,), POD_NEEDS, _judge)
