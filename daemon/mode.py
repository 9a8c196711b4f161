"""The effective mode: the least of what the intent, the operator and earned trust allow (invariant 8)."""

from __future__ import annotations

from collections.abc import Iterable

from intents.model import Intent, Mode
from remediation.autonomy import Decision, earned


def effective_mode(
    intent: Intent,
    ceiling: Mode,
    decisions: Iterable[Decision],
    *,
    fault_class: str,
    weights: str,
    now: float,
    hint: bool = False,
) -> Mode:
    """`hint`: the fault is of severity info and no intent states its cure, so it may be none; what it suggests a person
    has to approve. Where nothing was decided about the fault class under these weights nothing goes beyond `propose`,
    whatever the intent says: new weights begin without trust."""
    trust = earned(decisions, fault_class=fault_class, weights=weights, now=now)
    certain = Mode.PROPOSE if hint else Mode.AUTO
    return min((intent.spec.mode, ceiling, trust, certain), key=lambda mode: mode.rank)
