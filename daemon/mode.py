"""The effective mode: the least of what the intent, the operator and earned trust allow (invariant 8)."""

from __future__ import annotations

from collections.abc import Sequence

from intents.model import Intent, Mode
from store.queries import Grant


def effective_mode(
    intent: Intent, ceiling: Mode, grants: Sequence[Grant], *, fault_class: str, weights: str
) -> Mode:
    """Without a matching grant nothing goes beyond `propose`, whatever the intent says: new weights begin
    without trust. `*` in a grant matches every class or any weights."""
    earned = max(
        (
            Mode(grant.mode)
            for grant in grants
            if grant.fault_class in ("*", fault_class) and grant.weights in ("*", weights)
        ),
        key=lambda mode: mode.rank,
        default=Mode.PROPOSE,
    )
    return min((intent.spec.mode, ceiling, earned), key=lambda mode: mode.rank)
