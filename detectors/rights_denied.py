"""A program ends because the API server refuses its calls: its service account lacks a right.

Seen where the container's last words are the refusal (its termination message, or its log with
terminationMessagePolicy FallbackToLogsOnError). A program that only logs it and goes on is not seen here.
"""

from __future__ import annotations

from collections.abc import Iterator

from detectors.base import POD_NEEDS, Detector, Finding, View
from detectors.endings import forbidden, repeated
from detectors.model import FaultClass
from intents.model import WorkloadHealthy

NAME = "rightsDenied"


def _judge(view: View) -> Iterator[Finding]:
    for ending in repeated(view):
        if ending.fault_class is FaultClass.RIGHTS_DENIED and ending.ended is not None:
            yield view.container_violation(
                NAME,
                FaultClass.RIGHTS_DENIED,
                ending.workers,
                ending.pod,
                ending.container,
                reason="Forbidden",
                message=ending.ended.message,
                facts={**forbidden(ending.ended.message), "exitCode": str(ending.ended.exit_code)},
            )


DETECTOR = Detector(NAME, frozenset({FaultClass.RIGHTS_DENIED}), (WorkloadHealthy,), POD_NEEDS, _judge)
