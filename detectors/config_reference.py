"""A container refers to a ConfigMap, or to a key of one, that is not there."""

from __future__ import annotations

from collections.abc import Iterator

from detectors.base import POD_NEEDS, Detector, Finding, View
from detectors.model import FaultClass
from detectors.pods import containers
from detectors.references import CONFIG_ERROR, missing_reference
from intents.model import WorkloadHealthy

NAME = "configReference"


def _judge(view: View) -> Iterator[Finding]:
    for workers in view.troubled:
        for pod in workers.troubled:
            for container in containers(pod):
                waiting = container.state.waiting
                if waiting is None or waiting.reason != CONFIG_ERROR:
                    continue
                missing = missing_reference(waiting.message)
                if missing is None or missing.kind != "ConfigMap":
                    continue  # another reason for the same status: start_error's, secret_reference's
                yield view.container_violation(
                    NAME,
                    FaultClass.CONFIG_REFERENCE,
                    workers,
                    pod,
                    container,
                    reason=waiting.reason,
                    message=waiting.message,
                    facts={"configMap": missing.name, "key": missing.key or ""},
                )


DETECTOR = Detector(NAME, frozenset({FaultClass.CONFIG_REFERENCE}), (WorkloadHealthy,), POD_NEEDS, _judge)
