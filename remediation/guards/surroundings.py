"""What stands around a plan's target: who owns the namespace, who uses it, which disruption budgets and alerts hold
now.

The daemon reads it at the moment of the write. Each part tells "not read" (None, or no entry) and "could not be
read" (a Gap) apart from an answer; the guard that needs a part refuses without one.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from detectors.model import Gap, Turn
from intents.model import Freeze
from remediation.model import Json

Period = tuple[float, float]
"""Unix seconds: first moment inside, first moment after."""


@dataclass(frozen=True, slots=True)
class Surroundings:
    """Everything beyond object, ledger and settings that guards decide on."""

    namespace_labels: Mapping[str, str] | Gap | None = None
    disruption_budgets: Sequence[Json] | Gap | None = None
    """The PodDisruptionBudgets of the target's namespace, as the API server sends them."""
    gates: Mapping[str, str | Gap | None] = field(default_factory=dict)
    """By PromQL expression: the samples that it returns as text, None where it returns none."""
    freezes: Mapping[Freeze, Period] = field(default_factory=dict)
    """When each freeze is in force; the daemon computes it, because time zone data are files."""
    users: Sequence[Json] | Gap | None = None
    """The workloads that use a ConfigMap or a Service (remediation/users.py), each with its kind."""


def unread(users: Sequence[Json] | Gap | None) -> tuple[str, str]:
    """Reason and detail of a refusal for want of them."""
    if isinstance(users, Gap):
        reason = "UsersUnknown" if users.turn is Turn.OURS else "UsersForbidden"
        return reason, f"who uses it could not be read: {users.message}"
    return "UsersUnknown", "who uses it was not read"
