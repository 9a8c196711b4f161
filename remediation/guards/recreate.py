"""Recreate: an object is deleted and created anew only where its intent allows that for its kind, or a person
approves this very plan; and only while nothing is lost by it, which no approval lifts.

Where the object is gone already, by our own deletion, it only has to come back: then nothing more can be lost.
"""

from __future__ import annotations

from remediation.guards.base import GuardContext, Ruling
from remediation.model import Json, Recreate, Verdict
from remediation.recreate import unsafe


class RecreateGuard:
    """Refuses recreations that nobody allowed, or that would lose something."""

    name = "recreate"

    def judge(self, context: GuardContext) -> Verdict:
        ruling, plan = Ruling(self.name), context.plan
        if not isinstance(plan, Recreate):
            return ruling.allow("NoRecreation")
        kind = plan.target.kind
        opened = list(context.intent.spec.recreate) if context.intent else []
        inputs: Json = {"kind": kind, "opened": opened, "deleted": context.deleted}
        if not context.deleted:
            if context.live is None:
                return ruling.refuse("Absent", "there is nothing to recreate", **inputs)
            if (loss := unsafe(kind, context.live, plan.touched)) is not None:
                return ruling.refuse(*loss, **inputs)
        if context.is_rollback:
            return ruling.allow("Undo", **inputs)
        if kind in opened:
            return ruling.allow("Opened", **inputs)
        if context.approved:
            return ruling.allow("Approved", **inputs)
        said = f"the intent lets no {kind} be recreated (spec.recreate): a person has to approve this plan"
        return ruling.refuse("NotOpened", said, **inputs)
