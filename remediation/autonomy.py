"""Earned autonomy: of all that was ever decided about a fault class and weights, the newest that stands counts.

A person grants or revokes, verified successes promote, a rollback or a rejection demotes. None of them is added to
another, so a demotion undoes every grant before it, however wide, and a grant after it begins anew. What nobody
decided anything about may propose.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum

from intents.model import Mode

ANY = "*"
"""In a decision: every fault class, or any weights."""


class Decided(StrEnum):
    """Why a level is what it is."""

    GRANTED = "granted"
    REVOKED = "revoked"
    PROMOTED = "promoted"
    DEMOTED = "demoted"


@dataclass(frozen=True, slots=True)
class Decision:
    """One decision about a fault class under given weights. `seq` is the number of its ledger row: a clock may
    step, the ledger does not. `until` None stands until something newer."""

    fault_class: str
    weights: str
    mode: Mode
    decided: Decided
    seq: int
    at: float  # Unix seconds
    until: float | None = None
    by: str = ""
    reason: str = ""

    def about(self, fault_class: str, weights: str) -> bool:
        """Whether it speaks of this class under these weights."""
        return self.fault_class in (ANY, fault_class) and self.weights in (ANY, weights)


def decisive(decisions: Iterable[Decision], *, fault_class: str, weights: str, now: float) -> Decision | None:
    """The newest decision about the class under the weights that has not expired; None where there is none."""
    standing = (
        one for one in decisions if one.about(fault_class, weights) and (one.until is None or one.until > now)
    )
    return max(standing, key=lambda one: one.seq, default=None)


def earned(decisions: Iterable[Decision], *, fault_class: str, weights: str, now: float) -> Mode:
    """How far trust goes: `propose` for what is new."""
    found = decisive(decisions, fault_class=fault_class, weights=weights, now=now)
    return Mode.PROPOSE if found is None else found.mode
