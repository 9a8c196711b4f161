"""Same knob: a field is not set again to the value that failed there before. How far back that reaches is
how far back the caller's history reaches."""

from __future__ import annotations

from remediation.guards.base import GuardContext, Ruling, knobs
from remediation.model import Verdict

FAILED = frozenset({"not-held", "rolled-back", "stuck"})
"""Results that say that a change did not help."""


class SameKnob:
    """Refuses any field, value pair of this object that is known not to help."""

    name = "same-knob"

    def judge(self, context: GuardContext) -> Verdict:
        ruling = Ruling(self.name)
        if context.is_rollback:
            return ruling.allow("Undo")
        failed = {
            knob: change.operation_id
            for change in context.charged_here
            if change.result in FAILED
            for knob in change.knobs
        }
        again = [knob for knob in knobs(context.plan) if knob in failed]
        if again:
            path, value = again[0]
            return ruling.refuse("FailedBefore", f"{path} = {value} did not help in {failed[again[0]]}")
        return ruling.allow(failed=len(failed))
