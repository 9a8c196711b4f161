"""Exponential back-off: each change that did not help doubles the wait for the next one.

Counted for the object, and for the fault class within the intent: a cure that fails on one workload is not
tried on the next one at once. Only failures after the last change that held count, and only as far back as the
longest wait (`Limits.backoff_most`).
"""

from __future__ import annotations

from collections.abc import Sequence

from intents.units import parse_duration
from remediation.guards.base import Change, GuardContext, Ruling
from remediation.guards.same_knob import FAILED
from remediation.model import Json, Verdict


class Backoff:
    """Refuses to try again too soon after failing. An undo does not wait."""

    name = "backoff"

    def judge(self, context: GuardContext) -> Verdict:
        ruling, most = Ruling(self.name), context.limits.backoff_most
        if context.is_rollback:
            return ruling.allow("Undo")
        if context.intent is None:
            return ruling.refuse("NoIntent", "no intent gives a cool-down")
        cooldown = parse_duration(context.intent.spec.cooldown)
        since = context.now - most
        recent = [change for change in context.charged if change.at > since]
        series = {
            "object": [c for c in recent if c.key == context.plan.target.key],
            "fault class": [
                c
                for c in recent
                if c.intent == context.intent.name and c.fault_class == context.fault_class.value
            ],
        }
        inputs: Json = {}
        for whose, changes in series.items():
            failed = _failures(changes)
            inputs[f"failures_{whose.replace(' ', '_')}"] = len(failed)
            if not failed:
                continue
            wait = min(most, cooldown * 2 ** min(len(failed), 30))
            left = wait - (context.now - failed[-1].at)
            if left > 0:
                said = f"{len(failed)} failed for this {whose}: {wait:.0f} s between two, {left:.0f} s left"
                return ruling.refuse("BackingOff", said, **inputs)
        return ruling.allow(**inputs)


def _failures(changes: Sequence[Change]) -> list[Change]:
    """Failed changes since the last one that held, oldest first."""
    failed: list[Change] = []
    for change in sorted(changes, key=lambda one: one.at):
        if change.result in FAILED:
            failed.append(change)
        elif change.result == "held":
            failed = []
    return failed
