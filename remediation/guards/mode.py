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
        inputs: Json = {"mode": context.mode.value, "approved": context.approved}
        if context.is_rollback:
            return ruling.allow("ApprovedWithItsFix", **inputs)
        match context.mode:
            case Mode.AUTO:
                return ruling.allow("Auto", **inputs)
            case Mode.PROPOSE if context.approved:
                return ruling.allow("Approved", **inputs)
            case Mode.PROPOSE:
                return ruling.refuse("NeedsApproval", "a person has to approve this plan", **inputs)
            case Mode.OBSERVE:
                return ruling.refuse("ObserveOnly", "the intent only observes", **inputs)
