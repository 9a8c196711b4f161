"""The detectors, in one place and by name: nothing registers itself."""

from __future__ import annotations

from detectors import (
    absent,
    autoscaler,
    config_reference,
    crash_loop,
    cron_job,
    disruption_budget,
    drift,
    endpoints,
    gateway_route,
    image_pull,
    ingress_backend,
    ingress_class,
    ingress_tls,
    job_failed,
    job_not_done,
    metric,
    not_ready,
    oom_killed,
    policy_blocks,
    policy_matches,
    quota,
    replicas,
    service,
    start_error,
    unschedulable,
)
from detectors.base import Detector
from detectors.job_pods import of_jobs
from intents.model import Expectation

_ONCE: tuple[Detector, ...] = (
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
    # Batch, scaling, network.
    job_failed.DETECTOR,
    job_not_done.DETECTOR,
    cron_job.DETECTOR,
    autoscaler.DETECTOR,
    disruption_budget.DETECTOR,
    quota.DETECTOR,
    service.DETECTOR,
    ingress_class.DETECTOR,
    ingress_backend.DETECTOR,
    ingress_tls.DETECTOR,
    gateway_route.DETECTOR,
    policy_matches.DETECTOR,
    policy_blocks.DETECTOR,
)

DETECTORS: tuple[Detector, ...] = (*_ONCE, *of_jobs(_ONCE))


def detectors_for(expectation: Expectation) -> tuple[Detector, ...]:
    """The detectors that judge this expectation."""
    return tuple(detector for detector in DETECTORS if detector.concerns(expectation))
