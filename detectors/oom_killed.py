"""The kernel killed a container for passing its memory limit.

A container that was killed so and now runs again is still at fault for as long as the kubelet itself
remembers (Patience.recent): it will grow to the same limit again.
"""

from __future__ import annotations

from collections.abc import Iterator

from detectors.base import POD_NEEDS, Detector, Finding, View
from detectors.model import FaultClass
from detectors.pods import OOM_KILLED, containers, oom_ending, ran
from detectors.timestamps import age
from intents.model import WorkloadHealthy

NAME = "oomKilled"


def _judge(view: View) -> Iterator[Finding]:
    for workers in view.troubled:
        for pod in workers.troubled:
            for container in containers(pod):
                ending = oom_ending(container)
                if ending is None:
                    continue
                since = age(ending.finished_at, view.at)
                if container.ready and since is not None and since > view.patience.recent:
                    continue
                yield view.container_violation(
                    NAME,
                    FaultClass.OOM_KILLED,
                    workers,
                    pod,
                    container,
                    reason=OOM_KILLED,
                    message=ending.message or f"container {container.name} was killed at its memory limit",
                    facts={"exitCode": str(ending.exit_code), **ran(ending)},
                )


DETECTOR = Detector(NAME, frozenset({FaultClass.OOM_KILLED}), (WorkloadHealthy,), POD_NEEDS, _judge)
