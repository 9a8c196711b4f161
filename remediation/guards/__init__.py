"""Whether a plan may be written: one reason to refuse a file, all of them always run."""

from remediation.guards.base import (
    Change,
    Guard,
    GuardContext,
    Knob,
    Limits,
    LocalTime,
    allowed,
    knobs,
    run_guards,
)
from remediation.guards.registry import GUARDS, NEEDS_APPROVAL, WAITING

__all__ = [
    "GUARDS",
    "NEEDS_APPROVAL",
    "WAITING",
    "Change",
    "Guard",
    "GuardContext",
    "Knob",
    "Limits",
    "LocalTime",
    "allowed",
    "knobs",
    "run_guards",
]
