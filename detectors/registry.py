"""The detectors, in one place and by name: nothing registers itself."""

from __future__ import annotations

from detectors import (
    absent,
    architecture,
    claim_template,
    config_reference,
    crash_loop,
    drift,
    endpoints,
    evicted,
    failed_create,
    governing_service,
    image_pull,
    init_container,
    metric,
    misscheduled,
    not_observed,
    not_ready,
    oom_killed,
    probe_kill,
    replicas,
    restart_storm,
    rights_denied,
    rollout_stuck,
    scheduling_gated,
    secret_reference,
    start_error,
    stuck_terminating,
    unschedulable,
)
from detectors.base import Detector
from detectors.prometheus import (
    certificate_expiry,
    cpu_throttling,
    error_rate,
    latency,
    memory,
    queue_lag,
    slo,
    targets_up,
    volume_filling,
)
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
    slo.DETECTOR,
    error_rate.DETECTOR,
    latency.DETECTOR,
    queue_lag.DETECTOR,
    targets_up.DETECTOR,
    cpu_throttling.DETECTOR,
    memory.NEAR_LIMIT,
    memory.LEAK,
    volume_filling.DETECTOR,
    certificate_expiry.DETECTOR,
    drift.DETECTOR,
    # Pods and workloads.
    secret_reference.DETECTOR,
    architecture.DETECTOR,
    rights_denied.DETECTOR,
    init_container.DETECTOR,
    probe_kill.DETECTOR,
    restart_storm.DETECTOR,
    evicted.DETECTOR,
    scheduling_gated.DETECTOR,
    failed_create.DETECTOR,
    rollout_stuck.DETECTOR,
    not_observed.DETECTOR,
    misscheduled.DETECTOR,
    stuck_terminating.DETECTOR,
    governing_service.DETECTOR,
    claim_template.DETECTOR,
)


def detectors_for(expectation: Expectation) -> tuple[Detector, ...]:
    """The detectors that judge this expectation."""
    return tuple(detector for detector in DETECTORS if detector.concerns(expectation))
