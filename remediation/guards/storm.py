"""Storm: too many targets are unhealthy at once, so the cause is not in any one of them and not ours to touch.
Undoing our own change is still right: it only removes what we added to the storm."""

from __future__ import annotations

from remediation.guards.base import GuardContext, Ruling
from remediation.model import Verdict


class Storm:
    """Refuses fixes during a storm."""

    name = "storm"

    def judge(self, context: GuardContext) -> Verdict:
        ruling = Ruling(self.name)
        if context.storm and not context.is_rollback:
            return ruling.refuse("Storm", "too many targets are unhealthy at once", storm=True)
        return ruling.allow(storm=context.storm)
