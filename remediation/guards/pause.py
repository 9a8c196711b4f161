"""Pause: a person asked for quiet, with a reason. Undoing waits too: whoever pauses may be working on the very
object, and `status` shows what is still to be undone.

What a pause covers is its scope: `all`, an intent's name, or one of the prefixes below (a silence). Whether it
covers a plan is decided here; which pauses stand, the ledger knows.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from intents.fields import get
from remediation.guards.base import GuardContext, Ruling
from remediation.model import Json, Verdict

ALL = "all"
FAULT_CLASS, NAMESPACE, LABEL = "fault-class:", "namespace:", "label:"
"""`fault-class:ImagePull`, `namespace:shop`, `label:team=payments` (a label of the object, or of a workload that uses it)."""


class Pause:
    """Refuses everything while paused."""

    name = "pause"

    def judge(self, context: GuardContext) -> Verdict:
        ruling = Ruling(self.name)
        return ruling.allow() if context.paused is None else ruling.refuse("Paused", context.paused)


def covers(
    scope: str, *, intent: str, fault_class: str, namespace: str, items: Iterable[Json | None]
) -> bool:
    """Whether a pause of this scope holds a plan back. `items` are the object, or what is to be created, and the
    workloads that use it; one that is not known is covered by any label."""
    if scope.startswith(FAULT_CLASS):
        return scope.removeprefix(FAULT_CLASS) == fault_class
    if scope.startswith(NAMESPACE):
        return scope.removeprefix(NAMESPACE) == namespace
    if scope.startswith(LABEL):
        key, _, value = scope.removeprefix(LABEL).partition("=")
        return any(item is None or _labels(item).get(key) == value for item in items)
    return scope in (ALL, intent) or ":" in scope  # a scope of a newer version covers everything


def _labels(item: Json) -> Mapping[str, object]:
    found = get(item, ("metadata", "labels"))
    return found if isinstance(found, Mapping) else {}
