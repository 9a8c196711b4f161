"""The kubelet cannot get a container's image."""

from __future__ import annotations

from collections.abc import Iterator

from detectors.base import POD_NEEDS, Detector, Finding, View
from detectors.model import FaultClass
from detectors.pods import IMAGE_REASONS, containers
from intents.model import WorkloadHealthy

NAME = "imagePull"


def _judge(view: View) -> Iterator[Finding]:
    for workers in view.workers:
        for pod in workers.troubled:
            for container in containers(pod):
                waiting = container.state.waiting
                if waiting is not None and waiting.reason in IMAGE_REASONS:
                    yield view.container_violation(
                        NAME,
                        FaultClass.IMAGE_PULL,
                        workers,
                        pod,
                        container,
                        reason=waiting.reason,
                        message=waiting.message,
                    )


DETECTOR = Detector(NAME, frozenset({FaultClass.IMAGE_PULL}), (WorkloadHealthy,), POD_NEEDS, _judge)
