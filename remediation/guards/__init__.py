"""Whether a plan may be written: one reason to refuse a file, all of them always run."""

from remediation.guards.base import (
    Change,
    GrowthLimits,
    Guard,
    GuardContext,
    Knob,
    Limits,
    LocalTime,
    allowed,
    knobs,
    run_guards,
)
from remediation.guards.registry import GUARDS, NEEDS_APPROVAL, WAITING, WAITING_REASONS
from remediation.guards.surroundings import Surroundings

__all__ = [
    "GUARDS",
    "NEEDS_APPROVAL",
    "WAITING",
    "WAITING_REASONS",
    "Change",
    "GrowthLimits",
    "Guard",
    "GuardContext",
    "Knob",
    "Limits",
    "LocalTime",
    "Surroundings",
    "allowed",
    "knobs",
    "run_guards",
]
