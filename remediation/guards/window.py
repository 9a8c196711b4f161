"""Change window: an intent may say on which days and at which hours something may change.

An undo does not wait for the window: a change that did not help was made inside one, and leaving it in place
until tomorrow is no safer. A window that ends before it begins runs over midnight and belongs to the day on
which it began.
"""

from __future__ import annotations

from intents.model import Window
from remediation.guards.base import GuardContext, LocalTime, Ruling
from remediation.model import Json, Verdict

DAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")


class ChangeWindow:
    """Refuses changes outside of the intent's window."""

    name = "window"

    def judge(self, context: GuardContext) -> Verdict:
        ruling = Ruling(self.name)
        if context.is_rollback:
            return ruling.allow("Undo")
        if context.intent is None:
            return ruling.refuse("NoIntent", "no intent says when changes are allowed")
        window = context.intent.spec.window
        if window is None:
            return ruling.allow("AnyTime")
        local = context.local_time
        if local is None:
            return ruling.refuse("NoLocalTime", f"the time in {window.time_zone} is not known")
        inputs: Json = {"day": DAYS[local.weekday], "minute": local.minute, "zone": window.time_zone}
        if is_open(window, local):
            return ruling.allow(**inputs)
        days = ", ".join(window.days) or "every day"
        return ruling.refuse(
            "Closed", f"open {days} {window.start} to {window.end} {window.time_zone}", **inputs
        )


def is_open(window: Window, local: LocalTime) -> bool:
    """Whether the window is open at that time; the end itself is outside."""
    start, end = _minutes(window.start), _minutes(window.end)
    if start < end:
        return start <= local.minute < end and _on(window, local.weekday)
    if local.minute >= start:
        return start != end and _on(window, local.weekday)
    return local.minute < end and _on(window, (local.weekday - 1) % 7) and start != end


def _on(window: Window, weekday: int) -> bool:
    return not window.days or DAYS[weekday] in window.days


def _minutes(text: str) -> int:
    hours, minutes = text.split(":")
    return int(hours) * 60 + int(minutes)
