"""A container refers to a Secret, or to a key of one, that is not there.

Secrets are never read (ARCHITECTURE, invariant 9): their absence is known from the kubelet's words alone. One that a
volume or an image pull needs is named in events only; the pod then shows as StartError or ImagePull.
"""

from __future__ import annotations

from collections.abc import Iterator

from detectors.base import POD_NEEDS, Detector, Finding, View
from detectors.model import FaultClass
from detectors.pods import containers
from detectors.references import CONFIG_ERROR, missing_reference
from intents.model import WorkloadHealthy

NAME = "secretReference"


def _judge(view: View) -> Iterator[Finding]:
    for workers in view.troubled:
        for pod in workers.troubled:
            for container in containers(pod):
                waiting = container.state.waiting
                if waiting is None or waiting.reason != CONFIG_ERROR:
                    continue
                missing = missing_reference(waiting.message)
                if missing is not None and missing.kind == "Secret":
                    yield view.container_violation(
                        NAME,
                        FaultClass.SECRET_REFERENCE,
                        workers,
                        pod,
                        container,
                        reason=waiting.reason,
                        message=waiting.message,
                        facts={"secret": missing.name, "key": missing.key or ""},
                    )


DETECTOR = Detector(NAME, frozenset({FaultClass.SECRET_REFERENCE}), (WorkloadHealthy,), POD_NEEDS, _judge)
