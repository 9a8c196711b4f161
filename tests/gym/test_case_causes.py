"""How a case words its fault leads to the classes that it may show as."""

from __future__ import annotations

import pytest

from detectors.model import FaultClass as F
from gym.cases.cause import classes_of


@pytest.mark.parametrize(
    ("fault_type", "fault_class"),
    [
        ("CreateContainerConfigError: Secret missing", F.SECRET_REFERENCE),
        ("CreateContainerConfigError: ConfigMap key missing", F.CONFIG_REFERENCE),
        ("Secret missing", F.SECRET_REFERENCE),
        ("Init container: typo in command", F.INIT_CONTAINER),
        ("Liveness probe always fails", F.LIVENESS_PROBE),
        ("Startup probe gives up too soon", F.STARTUP_PROBE),
        ("Pending: PVC storage class missing", F.CLAIM_PENDING),
        ("Pending: no node", F.UNSCHEDULABLE),
        ("Stuck in Terminating: finalizer", F.STUCK_TERMINATING),
        ("FailedCreate: LimitRange", F.FAILED_CREATE),
        ("StatefulSet: governing Service missing", F.GOVERNING_SERVICE),
        ("DaemonSet: misscheduled", F.MISSCHEDULED),
    ],
)
def test_a_fault_may_show_as_the_class_that_its_detector_names(fault_type: str, fault_class: F) -> None:
    assert fault_class in classes_of(fault_type)


def test_a_wording_that_nobody_knows_leaves_the_class_open() -> None:
    assert classes_of("policy violation: Required Labels") == frozenset()
