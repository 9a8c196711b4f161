"""Ineffective chain: after N changes in a row that helped nothing, a person looks.

A change is ineffective where it did not hold, and also where it did but the same fault is back on the same
object within the window: whatever we change there, it is not the cause. Counted backwards from the newest
change, for the object (with the plan at hand as the newest sign that the fault is back) and for the intent. A
person's approval of the plan lifts it.
"""

from __future__ import annotations

from collections.abc import Sequence

from remediation.guards.base import Change, GuardContext, Ruling
from remediation.guards.same_knob import FAILED
from remediation.model import Json, Verdict


class IneffectiveChain:
    """Refuses the next link."""

    name = "ineffective-chain"

    def judge(self, context: GuardContext) -> Verdict:
        ruling, most = Ruling(self.name), context.limits.ineffective_changes
        if context.is_rollback:
            return ruling.allow("Undo")
        if context.intent is None:
            return ruling.refuse("NoIntent", "no intent asks for this any more")
        since = context.now - context.limits.ineffective_per
        past = sorted(
            [change for change in context.charged if change.at > since and change.result != "refused"],
            key=lambda change: change.at,
        )
        chains = {
            "object": [change for change in past if change.key == context.plan.target.key],
            "intent": [change for change in past if change.intent == context.intent.name],
        }
        inputs: Json = {"most": most}
        for whose, changes in chains.items():
            length = inputs[whose] = _in_a_row(changes, context)
            if length >= most and not context.approved:
                said = f"the last {length} changes of this {whose} helped nothing: a person has to look"
                return ruling.refuse("Ineffective", said, **inputs)
        return ruling.allow(**inputs)


def _in_a_row(changes: Sequence[Change], context: GuardContext) -> int:
    """How many of the newest changes were ineffective."""
    back = {(context.plan.target.key, context.fault_class.value)}  # faults seen again later
    length = 0
    for change in reversed(changes):
        fault = (change.key, change.fault_class)
        if change.result not in FAILED and fault not in back:
            if change.result == "held":
                break
            continue  # still being verified, on another object: says nothing yet
        back.add(fault)
        length += 1
    return length
