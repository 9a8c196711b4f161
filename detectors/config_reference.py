"""A container refers to a ConfigMap, or to a key of one, that is not there."""

from __future__ import annotations

from collections.abc import Iterator

from detectors.base import POD_NEEDS, Detector, Finding, View
from detectors.missing_object import missing
from detectors.model import FaultClass
from intents.model import WorkloadHealthy

NAME = "configReference"


def _judge(view: View) -> Iterator[Finding]:
    yield from missing(view, NAME, FaultClass.CONFIG_REFERENCE, "ConfigMap", "configMap")


DETECTOR = Detector(NAME, frozenset({FaultClass.CONFIG_REFERENCE}), (WorkloadHealthy,), POD_NEEDS, _judge)
