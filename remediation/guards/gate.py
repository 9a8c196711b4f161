"""Gates: PromQL expressions of the operator or an intent. While one returns a sample (an alert fires, a deploy
runs), or cannot be read, nothing changes. An undo passes, as in a storm: it only removes what we added.
"""

from __future__ import annotations

from detectors.model import Gap
from remediation.guards.base import GuardContext, Ruling
from remediation.model import Json, Verdict

SHOWN = 200
"""Characters of the samples that a refusal quotes."""


class MetricGate:
    """Refuses changes while a gate is shut."""

    name = "gate"

    def judge(self, context: GuardContext) -> Verdict:
        ruling = Ruling(self.name)
        if context.is_rollback:
            return ruling.allow("Undo")
        if context.intent is None:
            return ruling.refuse("NoIntent", "no intent names its gates")
        read = context.surroundings.gates
        gates = (*context.limits.gates, *context.intent.spec.gates)
        inputs: Json = {"gates": len(gates)}
        for gate in gates:
            why = gate.reason or gate.query
            if gate.query not in read:
                return ruling.refuse("NotRead", f"{why}: it was not asked", **inputs)
            found = read[gate.query]
            if isinstance(found, Gap):
                return ruling.refuse("Unreadable", f"{why}: {found.message}", **inputs)
            if found is not None:
                return ruling.refuse("Shut", f"{why}: {found[:SHOWN]}", **inputs)
        return ruling.allow(**inputs)
