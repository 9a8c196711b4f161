"""Pause: a person asked for quiet, with a reason. Undoing waits too: whoever pauses may be working on the very
object, and `status` shows what is still to be undone.

What a pause covers is its scope: `all`, an intent's name, or one of the prefixes below (a silence). Whether it
covers a plan is decided here; which pauses stand, the ledger knows.
"""

from __future__ import annotations

from collections.abc import Mapping

from intents.fields import get
from remediation.guards.base import GuardContext, Ruling
from remediation.model import Json, Verdict

ALL = "all"
FAULT_CLASS, NAMESPACE, LABEL = "fault-class:", "namespace:", "label:"
"""`fault-class:ImagePull`, `namespace:shop`, `label:team=payments` (a label of the object)."""


class Pause:
    """Refuses everything while paused."""

    name = "pause"

    def judge(self, context: GuardContext) -> Verdict:
        ruling = Ruling(self.name)
        return ruling.allow() if context.paused is None else ruling.refuse("Paused", context.paused)


def covers(scope: str, *, intent: str, fault_class: str, namespace: str, item: Json | None) -> bool:
    """Whether a pause of this scope holds a plan back. `item` is the object, or what is to be created; where it
    is not known, a label covers it."""
    if scope.startswith(FAULT_CLASS):
        return scope.removeprefix(FAULT_CLASS) == fault_class
    if scope.startswith(NAMESPACE):
        return scope.removeprefix(NAMESPACE) == namespace
    if scope.startswith(LABEL):
        key, _, value = scope.removeprefix(LABEL).partition("=")
        labels = get(item, ("metadata", "labels"))
        return item is None or (isinstance(labels, Mapping) and labels.get(key) == value)
    return scope in (ALL, intent) or ":" in scope  # a scope of a newer version covers everything
