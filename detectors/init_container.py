"""An init container fails again and again, or does not end: the pod waits for it."""

from __future__ import annotations

from collections.abc import Iterator

from detectors.base import POD_NEEDS, Detector, Finding, View
from detectors.endings import Ending, is_init, meaning, repeated
from detectors.model import FaultClass
from detectors.pods import ran
from detectors.timestamps import age
from intents.model import WorkloadHealthy

NAME = "initContainer"


def _judge(view: View) -> Iterator[Finding]:
    for ending in repeated(view):
        if ending.fault_class is FaultClass.INIT_CONTAINER:
            yield _failing(view, ending)
    yield from _hanging(view)


def _failing(view: View, ending: Ending) -> Finding:
    ended = ending.ended
    code, why = ("unknown", "") if ended is None else (str(ended.exit_code), meaning(ended))
    said = f"init container {ending.container.name} ends with exit code {code}{f' ({why})' if why else ''}"
    return view.container_violation(
        NAME,
        FaultClass.INIT_CONTAINER,
        ending.workers,
        ending.pod,
        ending.container,
        reason=ending.reason,
        message=f"{said}: {ended.message}" if ended is not None and ended.message else said,
        facts={
            "exitCode": code,
            "meaning": why,
            "endedAs": "" if ended is None else ended.reason,
            **ran(ended),
        },
    )


def _hanging(view: View) -> Iterator[Finding]:
    for workers in view.troubled:
        for pod in workers.troubled:
            for container in pod.status.init_container_statuses:
                running = container.state.running
                if running is None or not is_init(workers.workload, pod, container):
                    continue
                since = age(running.started_at, view.at)
                if since is not None and since > view.patience.creating:
                    yield view.container_violation(
                        NAME,
                        FaultClass.INIT_CONTAINER,
                        workers,
                        pod,
                        container,
                        reason="InitContainerRuns",
                        message=f"init container {container.name} has run for more than "
                        f"{view.patience.creating:g} s, and the pod waits for it to end",
                    )


DETECTOR = Detector(NAME, frozenset({FaultClass.INIT_CONTAINER}), (WorkloadHealthy,), POD_NEEDS, _judge)
