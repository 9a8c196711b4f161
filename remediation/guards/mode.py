"""Mode: by itself intentd changes something only in mode auto; in mode propose a person approves this very
plan first; in mode observe nothing is ever written."""

from __future__ import annotations

from intents.model import Mode
from remediation.guards.base import GuardContext, Ruling
from remediation.model import Json, Verdict


class ModeGuard:
    """Refuses what nobody allowed. An undo was approved with its fix."""

    name = "mode"

    def judge(self, context: GuardContext) -> Verdict:
        ruling = Ruling(self.name)
        inputs: Json = {
            "mode": context.mode.value,
            "approved": context.approved,
            "approved_by": list(context.approved_by),
            "approvals_needed": context.approvals_needed,
        }
        if context.is_rollback:
            return ruling.allow("ApprovedWithItsFix", **inputs)
        match context.mode:
            case Mode.AUTO:
                return ruling.allow("Auto", **inputs)
            case Mode.PROPOSE if context.approved:
                return ruling.allow("Approved", **inputs)
            case Mode.PROPOSE:
                return ruling.refuse("NeedsApproval", _who_is_missing(context), **inputs)
            case Mode.OBSERVE:
                return ruling.refuse("ObserveOnly", "the intent only observes", **inputs)


def _who_is_missing(context: GuardContext) -> str:
    if context.approvals_needed <= 1:
        return "a person has to approve this plan"
    so_far = f" ({', '.join(context.approved_by)} did)" if context.approved_by else ""
    return f"{context.approvals_needed} different people have to approve this plan{so_far}"
