"""A container refers to a Secret, or to a key of one, that is not there.

Secrets are never read (ARCHITECTURE, invariant 9): their absence is known from the kubelet's words alone. One that a
volume or an image pull needs is named in events only; the pod then shows as StartError or ImagePull.
"""

from __future__ import annotations

from collections.abc import Iterator

from detectors.base import POD_NEEDS, Detector, Finding, View
from detectors.missing_object import missing
from detectors.model import FaultClass
from intents.model import WorkloadHealthy

NAME = "secretReference"


def _judge(view: View) -> Iterator[Finding]:
    yield from missing(view, NAME, FaultClass.SECRET_REFERENCE, "Secret", "secret")


DETECTOR = Detector(NAME, frozenset({FaultClass.SECRET_REFERENCE}), (WorkloadHealthy,), POD_NEEDS, _judge)
