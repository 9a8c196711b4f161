"""What the detectors of ConfigMaps and Secrets that are not there have in common."""

from __future__ import annotations

from collections.abc import Iterator

from detectors.base import View
from detectors.model import FaultClass, Violation
from detectors.pods import containers
from detectors.references import CONFIG_ERROR, missing_reference


def missing(view: View, detector: str, fault: FaultClass, kind: str, fact: str) -> Iterator[Violation]:
    """A violation for each container that the kubelet keeps from starting because it refers to an object of this kind
    (`ConfigMap` or `Secret`), or to a key of one, that is not there; its name is told as `fact`."""
    for workers in view.troubled:
        for pod in workers.troubled:
            for container in containers(pod):
                waiting = container.state.waiting
                if waiting is None or waiting.reason != CONFIG_ERROR:
                    continue
                found = missing_reference(waiting.message)
                if found is None or found.kind != kind:
                    continue
                yield view.container_violation(
                    detector,
                    fault,
                    workers,
                    pod,
                    container,
                    reason=waiting.reason,
                    message=waiting.message,
                    facts={fact: found.name, "key": found.key or ""},
                )
