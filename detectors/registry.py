"""The detectors, in one place and by name: nothing registers itself."""

from __future__ import annotations

from detectors import (
    absent,
    config_reference,
    crash_loop,
    drift,
    endpoints,
    image_pull,
    metric,
    not_ready,
    oom_killed,
    replicas,
    start_error,
    unschedulable,
)
from detectors.base import Detector
from intents.model import Expectation

DETECTORS: tuple[Detector, ...] = (
    absent.DETECTOR,
    image_pull.DETECTOR,
    config_reference.DETECTOR,
    start_error.DETECTOR,
    oom_killed.DETECTOR,
    crash_loop.DETECTOR,
    unschedulable.DETECTOR,
    not_ready.DETECTOR,
    replicas.DETECTOR,
    endpoints.DETECTOR,
    metric.DETECTOR,
    drift.DETECTOR,
)


def detectors_for(expectation: Expectation) -> tuple[Detector, ...]:
    """The detectors that judge this expectation."""
    return tuple(detector for detector in DETECTORS if detector.concerns(expectation))
