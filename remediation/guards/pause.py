"""Pause: a person asked for quiet, with a reason. Undoing waits too: whoever pauses may be working on the very
object, and `status` shows what is still to be undone."""

from __future__ import annotations

from remediation.guards.base import GuardContext, Ruling
from remediation.model import Verdict


class Pause:
    """Refuses everything while paused."""

    name = "pause"

    def judge(self, context: GuardContext) -> Verdict:
        ruling = Ruling(self.name)
        return ruling.allow() if context.paused is None else ruling.refuse("Paused", context.paused)
