"""Approvals: how many different people stand behind one plan, at one moment.

An approval is bound to a digest and ends by itself. Nothing here forgives: an approval of another plan, an expired
one, a second one by the same person, and, where several people are asked for, one by an account that many share
(root, the daemon's own) do not count.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Approval:
    """One person said yes to one plan. `by` is the user name behind the control socket; times are Unix seconds."""

    digest: str
    by: str
    at: float
    until: float


@dataclass(frozen=True, slots=True)
class Agreement:
    """Who stands behind a plan, of how many that it needs. `until` is when there will be too few, None where
    there are too few now."""

    by: tuple[str, ...]
    needed: int
    until: float | None

    @property
    def missing(self) -> int:
        """How many more people have to approve."""
        return max(0, self.needed - len(self.by))

    @property
    def complete(self) -> bool:
        """Whether the plan is approved."""
        return self.missing == 0


def agreement(
    approvals: Sequence[Approval], digest: str | None, *, now: float, needed: int, shared: Iterable[str]
) -> Agreement:
    """What the approvals amount to for the plan of this digest. `shared` are accounts that are no one person:
    alone they may approve, but they are not a second person."""
    nobody = frozenset(shared) if needed > 1 else frozenset()
    ends: dict[str, float] = {}
    for one in approvals:
        if one.digest == digest and one.until > now and one.by not in nobody:
            ends[one.by] = max(one.until, ends.get(one.by, now))
    latest = sorted(ends.values(), reverse=True)
    needed = max(1, needed)
    return Agreement(tuple(ends), needed, latest[needed - 1] if len(latest) >= needed else None)
