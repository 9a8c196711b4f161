"""Integrity: the plan is what was reviewed, and its operations do what its touched fields say.

The other guards judge the touched fields, the API server receives the operations. Were the two to differ,
every other guard would be looking the wrong way.
"""

from __future__ import annotations

from intents.fields import get
from remediation.diff import PreconditionFailed
from remediation.digest import plan_digest
from remediation.guards.base import GuardContext, Ruling
from remediation.model import Create, Delete, Patch, Recreate, Verdict
from remediation.plan import still_as_planned, still_valid


class Integrity:
    """Refuses a plan that is stale, altered, or about another incarnation."""

    name = "integrity"

    def judge(self, context: GuardContext) -> Verdict:
        ruling, plan = Ruling(self.name), context.plan
        digest = plan_digest(plan)
        inputs = {"digest": plan.digest, "recomputed": digest, "uid": plan.target.uid}
        if digest != plan.digest:
            return ruling.refuse("Altered", "the plan is not the one that its digest was made of", **inputs)
        if isinstance(plan, Patch | Delete | Recreate) and not plan.target.uid:
            return ruling.refuse("NoUid", "a write names the incarnation that it is about", **inputs)
        if isinstance(plan, Patch | Recreate) and not plan.touched:
            return ruling.refuse("Empty", "the plan changes nothing", **inputs)
        if isinstance(plan, Recreate) and context.deleted:
            if context.live is None:
                return ruling.allow("HalfDone", **inputs)
            return ruling.refuse("OtherIncarnation", "somebody else created it meanwhile", **inputs)
        if not isinstance(plan, Create) and get(context.live, ("metadata", "uid")) != plan.target.uid:
            return ruling.refuse("OtherIncarnation", "the object was deleted and created anew", **inputs)
        if not _stands(context):
            return ruling.refuse("Stale", "the fields are not as they were when this was reviewed", **inputs)
        return ruling.allow(**inputs)


def _stands(context: GuardContext) -> bool:
    if not isinstance(context.plan, Patch):
        return still_valid(context.plan, context.live)
    try:
        return still_as_planned(context.plan, context.live, context.after)
    except PreconditionFailed:
        return False
