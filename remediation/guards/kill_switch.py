"""Kill switch: nothing at all is written, undoing included."""

from __future__ import annotations

from remediation.guards.base import GuardContext, Ruling
from remediation.model import Verdict


class KillSwitch:
    """Refuses every write."""

    name = "kill-switch"

    def judge(self, context: GuardContext) -> Verdict:
        ruling = Ruling(self.name)
        return ruling.allow() if context.kill_switch is None else ruling.refuse("Killed", context.kill_switch)
