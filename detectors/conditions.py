"""Status conditions, read the same way wherever they stand."""

from __future__ import annotations

from collections.abc import Iterable

from detectors.facts import Condition
from detectors.timestamps import age


def find(conditions: Iterable[Condition], kind: str) -> Condition | None:
    """The condition of this type."""
    return next((found for found in conditions if found.type == kind), None)


def holds(conditions: Iterable[Condition], kind: str) -> bool:
    """Whether the condition of this type is True."""
    found = find(conditions, kind)
    return found is not None and found.status == "True"


def lasted(condition: Condition, at: float, span: float) -> bool:
    """Whether it has been so for more than `span` seconds; one without a time counts as old, since controllers
    that leave it out never come back to set it."""
    since = age(condition.last_transition_time, at)
    return since is None or since > span
