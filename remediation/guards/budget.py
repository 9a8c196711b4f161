"""Budget: at most so many changes, counted over the intent, the object, the namespace, the cluster and
the fault class.

Every change that was charged counts, also one that the API server refused and one whose fate is unknown: a
loop of refused writes is still a loop. So does a canary of a rehearsal, until the change that it let through is charged
in its place. A change dated in the future (the clock stepped back) counts as now.
"""

from __future__ import annotations

from intents.units import parse_duration
from remediation.guards.base import GuardContext, Ruling
from remediation.model import Verdict


class Budget:
    """Refuses a change beyond any of the budgets. Undoing was charged with its fix."""

    name = "budget"

    def judge(self, context: GuardContext) -> Verdict:
        ruling, limits = Ruling(self.name), context.limits
        if context.is_rollback:
            return ruling.allow("ChargedWithItsFix")
        if context.intent is None:
            return ruling.refuse("NoIntent", "no intent gives a budget")
        own, per = context.intent.spec.budget, limits.per
        namespace, own_per = context.plan.target.namespace, parse_duration(own.per)
        since = context.now - max(per, own_per)
        charged = [c for c in (*context.charged, *context.charged_rehearsals) if c.at > since]
        budgets = (
            ("intent", own.changes, own_per, [c for c in charged if c.intent == context.intent.name]),
            (
                "object",
                limits.object_changes,
                per,
                [c for c in charged if c.key == context.plan.target.key],
            ),
            (
                "namespace",
                limits.namespace_changes,
                per,
                [c for c in charged if c.namespace == namespace],
            ),
            ("cluster", limits.cluster_changes, per, charged),
            (
                "faultClass",
                limits.fault_class_changes,
                per,
                [c for c in charged if c.fault_class == context.fault_class.value],
            ),
        )
        inputs = {}
        spent = []
        for name, ceiling, seconds, changes in budgets:
            recent = sum(change.at > context.now - seconds for change in changes)
            inputs[name] = f"{recent} of {ceiling} in {seconds:.0f} s"
            if recent >= ceiling:
                spent.append(name)
        if spent:
            return ruling.refuse("Spent", f"the budget of the {', '.join(spent)} is spent", **inputs)
        return ruling.allow(**inputs)
