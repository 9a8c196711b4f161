"""The detectors, in one place and by name: nothing registers itself."""

from __future__ import annotations

from detectors import absent, config_reference, endpoints, image_pull, metric, oom_killed
from detectors.base import Detector

DETECTORS: tuple[Detector, ...] = (
    absent.DETECTOR,
    image_pull.DETECTOR,
    config_reference.DETECTOR,
    oom_killed.DETECTOR,
    endpoints.DETECTOR,
    metric.DETECTOR,
)


def detectors_for(expectation: object) -> tuple[Detector, ...]:
    """The detectors that judge this expectation."""
    return tuple(detector for detector in DETECTORS if isinstance(expectation, detector.expectations))
