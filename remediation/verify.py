"""Whether a fix held: the violation has to stay away for the whole window, seen by looks that could see.

Pure: the caller counts the seconds (on the monotonic clock) and asks again after every look.
 * `quiet`: seconds for which every look decided all of the intent's expectations and found nothing on this
   case's key; None where the latest look found something, or could not tell. Not being able to see starts it
   again: unknown is never clear.
 * A violation that was gone before the change was written proves nothing, so only the time since counts.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol

from detectors.model import Case, CaseReason


class Progress(StrEnum):
    """How verification stands. All but WAITING end it."""

    WAITING = "waiting"
    HELD = "held"
    FAILED = "failed"  # what we set out to fix is still there
    MASKED = "masked"  # that is gone, but the target has another fault now
    BLIND = "blind"  # nobody could see for too long: neither success nor failure
    SPREAD = "spread"  # it held, but something else broke that was whole (`remediation.blast_radius`)
    UNPROVEN = "unproven"  # it held, but what was broken alike recovered untreated


@dataclass(frozen=True, slots=True)
class Verification:
    """The decision with its reason, for the ledger."""

    state: Progress
    reason: str


class Verifying(Protocol):
    """What is being verified: a case row."""

    @property
    def fault_class(self) -> str:
        """The fault that the change was to mend."""


def stabilisation(window: float, fault_interval: float = 0.0) -> float:
    """Seconds for which a violation must stay away: the intent's window, and at least twice the fault's own
    interval (a crash every five minutes is not mended after one; ARCHITECTURE invariant 6), but not longer than
    LONGEST for the fault's sake."""
    return max(window, min(2 * fault_interval, LONGEST))


LONGEST = 3600.0
"""Seconds after which a case is not held open for an interval's sake alone: what shows itself after a day of
running comes back as a new case, and the same change is then not made again (the same-knob guard)."""


def check_progress(
    row: Verifying, found: Case | None, *, quiet: float | None, waited: float, window: float, timeout: float
) -> Verification:
    """Judge one look. `found` is the case as the latest look sees it; `waited` seconds have passed since the
    change was written. A rollout that still gains pods gets twice the timeout."""
    if found is not None:
        rolling = found.reason is CaseReason.ROLLING_OUT
        if waited < (2 * timeout if rolling else timeout):
            return Verification(Progress.WAITING, f"still {found.fault_class} after {waited:.0f} s")
        classes = sorted({violation.fault_class.value for violation in found.violations})
        if row.fault_class in classes:
            return Verification(Progress.FAILED, f"still {row.fault_class} after {waited:.0f} s")
        return Verification(Progress.MASKED, f"{row.fault_class} is gone, but now {', '.join(classes)}")
    if quiet is None:
        if waited < timeout + window:
            return Verification(Progress.WAITING, "the latest look could not tell")
        return Verification(Progress.BLIND, f"could not be seen for the whole window within {waited:.0f} s")
    held = min(quiet, waited)
    if held >= window:
        return Verification(Progress.HELD, f"not seen for {held:.0f} s")
    return Verification(Progress.WAITING, f"not seen for {held:.0f} of {window:.0f} s")
