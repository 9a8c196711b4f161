"""A fix counts when the violation stayed away for the whole window, before eyes that could see."""

from dataclasses import dataclass

import pytest

from detectors.model import Case, CaseKey, CaseReason, FaultClass, ObjectRef, Severity, Violation
from remediation.verify import Progress, check_progress, stabilisation

TARGET = ObjectRef("Deployment", "shop", "web")


@dataclass(frozen=True)
class Row:
    fault_class: str = "OOMKilled"


def case(*classes, reason=CaseReason.MENDABLE):
    found = tuple(
        Violation("web", 0, "test", one, Severity.CRITICAL, TARGET, TARGET, str(one), "") for one in classes
    )
    return Case(CaseKey("web", *TARGET.key), TARGET, reason, found)


def state(found=None, *, quiet=None, waited, window=10.0, timeout=60.0):
    return check_progress(Row(), found, quiet=quiet, waited=waited, window=window, timeout=timeout).state


OOM, CRASH = FaultClass.OOM_KILLED, FaultClass.CRASH_LOOP


@pytest.mark.parametrize(
    ("found", "quiet", "waited", "expected"),
    [
        (case(OOM), None, 5, Progress.WAITING),
        (case(OOM), None, 60, Progress.FAILED),
        (case(OOM, CRASH), None, 60, Progress.FAILED),
        (case(CRASH), None, 59, Progress.WAITING),
        (case(CRASH), None, 60, Progress.MASKED),
        (case(OOM, reason=CaseReason.ROLLING_OUT), None, 60, Progress.WAITING),
        (case(OOM, reason=CaseReason.ROLLING_OUT), None, 120, Progress.FAILED),
        (None, 9.9, 30, Progress.WAITING),
        (None, 10, 30, Progress.HELD),
        (None, 10, 600, Progress.HELD),
        (None, 500, 5, Progress.WAITING),  # it was gone before we changed anything: that proves nothing
        (None, 500, 10, Progress.HELD),
        (None, None, 30, Progress.WAITING),
        (None, None, 69, Progress.WAITING),
        (None, None, 70, Progress.BLIND),
        (None, 3, 300, Progress.WAITING),  # clear late: the window still has to pass
    ],
)
def test_how_a_look_is_judged(found, quiet, waited, expected):
    assert state(found, quiet=quiet, waited=waited) is expected


def test_a_slow_fault_needs_a_longer_window():
    assert stabilisation(60) == 60
    assert stabilisation(60, fault_interval=300) == 600


def test_a_fault_of_many_hours_does_not_hold_a_case_open_for_days():
    assert stabilisation(60, fault_interval=86_400) == 3600
    assert stabilisation(7200, fault_interval=86_400) == 7200
