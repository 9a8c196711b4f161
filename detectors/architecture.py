"""An image that is built for another machine than the node: another processor, another operating system."""

from __future__ import annotations

from collections.abc import Iterator

from detectors.base import POD_NEEDS, Detector, Finding, View
from detectors.model import FaultClass
from detectors.pods import containers, endings, wrong_architecture
from intents.model import WorkloadHealthy

NAME = "architecture"


def _judge(view: View) -> Iterator[Finding]:
    for workers in view.troubled:
        for pod in workers.troubled:
            for container in containers(pod):
                said = wrong_architecture(container)
                if said is None:
                    continue
                waiting, ended = container.state.waiting, next(endings(container), None)
                yield view.container_violation(
                    NAME,
                    FaultClass.ARCHITECTURE,
                    workers,
                    pod,
                    container,
                    reason=(waiting.reason if waiting else "") or (ended.reason if ended else "") or "Error",
                    message=said,
                    facts={"node": pod.spec.node_name or ""},
                )


DETECTOR = Detector(NAME, frozenset({FaultClass.ARCHITECTURE}), (WorkloadHealthy,), POD_NEEDS, _judge)
