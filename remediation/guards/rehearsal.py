"""Rehearsal: where an intent asks for it, a changed pod template is written only after a canary of this very template
stood healthy. Where no canary can be had, a person decides: intentd does not write it by itself.
"""

from __future__ import annotations

from remediation.guards.base import GuardContext, Ruling
from remediation.model import Json, Patch, Verdict
from remediation.rehearsal import Result, fingerprint, rehearsable, why_none

NOT_YET = ("rehearsal", "NotYetRehearsed")
"""The refusal that a rehearsal lifts."""
PASSED = ("rehearsal", "Rehearsed")
"""The verdict where it did."""


class Rehearsal:
    """Refuses what the intent wants rehearsed and was not. An undo puts back what ran before."""

    name = "rehearsal"

    def judge(self, context: GuardContext) -> Verdict:
        ruling, plan, live = Ruling(self.name), context.plan, context.live
        if context.is_rollback:
            return ruling.allow("UndoneUnrehearsed")
        asked = context.intent is not None and context.intent.spec.rehearsal is not None
        if not asked or not rehearsable(plan):
            return ruling.allow("NotAskedFor")
        inputs: Json = {"approved": context.approved}
        if live is None or not isinstance(plan, Patch):
            return _without(ruling, context, "the object would be created anew", inputs)
        if (why := why_none(plan, live)) is not None:
            return _without(ruling, context, why, inputs)
        known = context.rehearsed
        this = fingerprint(plan, live)
        inputs |= {"template": this, "result": None if known is None else known.result.value}
        if known is None or known.fingerprint != this or known.result is Result.WITHDRAWN:
            return (
                ruling.allow("ThisIsTheRehearsal", **inputs)
                if context.rehearses
                else ruling.refuse(NOT_YET[1], "a canary of it runs first", **inputs)
            )
        match known.result:
            case Result.PASSED:
                return ruling.allow(PASSED[1], known.reason, **inputs, operation_id=known.operation_id)
            case Result.FAILED:
                return ruling.refuse("RehearsalFailed", known.reason, **inputs)
            case Result.UNTOLD:
                return _without(ruling, context, known.reason, inputs)


def _without(ruling: Ruling, context: GuardContext, why: str, inputs: Json) -> Verdict:
    """No canary can be had: only a person's approval of this very plan stands for it."""
    said = f"the intent asks for a rehearsal, and there can be none: {why}"
    if context.rehearses:
        return ruling.refuse("CannotRehearse", said, **inputs)
    if context.approved:
        return ruling.allow("ApprovedUnrehearsed", said, **inputs)
    return ruling.refuse("CannotRehearse", said, **inputs)
