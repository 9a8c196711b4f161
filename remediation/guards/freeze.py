"""Freeze: dates between which nothing changes, named by the operator or an intent, with the reason.

An undo passes, as it does outside of a change window: what did not help is not left in place over the holidays.
"""

from __future__ import annotations

from remediation.guards.base import GuardContext, Ruling
from remediation.model import Json, Verdict


class ChangeFreeze:
    """Refuses changes during a freeze, and where a freeze's time zone is not known."""

    name = "freeze"

    def judge(self, context: GuardContext) -> Verdict:
        ruling = Ruling(self.name)
        if context.is_rollback:
            return ruling.allow("Undo")
        if context.intent is None:
            return ruling.refuse("NoIntent", "no intent says when changes are allowed")
        freezes = (*context.limits.freezes, *context.intent.spec.freezes)
        inputs: Json = {"freezes": len(freezes)}
        for freeze in freezes:
            period = context.surroundings.freezes.get(freeze)
            if period is None:
                said = f"when {freeze.from_} is in {freeze.time_zone} is not known"
                return ruling.refuse("NoLocalTime", said, **inputs)
            if period[0] <= context.now < period[1]:
                said = f"{freeze.reason} ({freeze.from_} to {freeze.until} {freeze.time_zone})"
                return ruling.refuse("Frozen", said, **inputs)
        return ruling.allow(**inputs)
