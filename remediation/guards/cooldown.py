"""Cool-down: after a change an object is left alone for a while, whichever intent changed it. What the API
server refused changed nothing and starts no cool-down."""

from __future__ import annotations

from intents.units import parse_duration
from remediation.guards.base import GuardContext, Ruling
from remediation.model import Json, Verdict


class Cooldown:
    """Refuses a change of an object that was changed a moment ago."""

    name = "cooldown"

    def judge(self, context: GuardContext) -> Verdict:
        ruling = Ruling(self.name)
        if context.is_rollback:
            return ruling.allow("ChargedWithItsFix")
        if context.intent is None:
            return ruling.refuse("NoIntent", "no intent gives a cool-down")
        wait = parse_duration(context.intent.spec.cooldown)
        times = [change.at for change in context.charged_here if change.result != "refused"]
        last = max(times, default=None)
        inputs: Json = {"cooldown": wait, "last": last}
        if last is not None and context.now - last < wait:
            left = wait - (context.now - last)
            return ruling.refuse("CoolingDown", f"changed a moment ago; {left:.0f} s left", **inputs)
        return ruling.allow(**inputs)
