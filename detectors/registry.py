"""The detectors, in one place and by name: nothing registers itself."""

from __future__ import annotations

from detectors import (
    absent,
    claim_lost,
    claim_pending,
    config_reference,
    crash_loop,
    default_storage_class,
    drift,
    endpoints,
    image_pull,
    metric,
    node_cordoned,
    node_full,
    node_not_ready,
    node_pressure,
    not_ready,
    oom_killed,
    replicas,
    spread,
    start_error,
    unschedulable,
    volume_failed,
    volume_released,
    webhook_backend,
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
    # What workloads stand on.
    node_not_ready.DETECTOR,
    node_pressure.DETECTOR,
    node_full.DETECTOR,
    node_cordoned.DETECTOR,
    volume_failed.DETECTOR,
    volume_released.DETECTOR,
    default_storage_class.DETECTOR,
    webhook_backend.VALIDATING,
    webhook_backend.MUTATING,
    claim_lost.DETECTOR,
    claim_pending.DETECTOR,
    spread.DETECTOR,
)


def detectors_for(expectation: Expectation) -> tuple[Detector, ...]:
    """The detectors that judge this expectation."""
    return tuple(detector for detector in DETECTORS if detector.concerns(expectation))
