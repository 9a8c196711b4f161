"""Questions about who agreed to what: approvals of plans, and all that was decided about autonomy."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from sqlalchemy import bindparam, select

from intents.model import Mode
from remediation.approval import Approval
from remediation.autonomy import Decided, Decision
from store.autonomy import BETWEEN, OVER, REVOKED
from store.ledger import Ledger
from store.schema import approvals, changes, grants, trust


@dataclass(frozen=True, slots=True)
class Grant:
    """Autonomy that people gave to a fault class (`*` = every class) under given weights (`*` = any)."""

    fault_class: str
    weights: str
    mode: str
    until: float | None
    reason: str
    granted_by: str
    at: float
    people: int

    @property
    def missing(self) -> int:
        """How many more people have to say it before it stands."""
        return max(0, self.people - len(self.granted_by.split(BETWEEN)))


@dataclass(frozen=True, slots=True)
class Record:
    """What became of approved changes of one fault class under given weights, since it was last demoted."""

    fault_class: str
    weights: str
    successes: int
    decided: Decided | None


def approvals_of(store: Ledger, case_id: str) -> tuple[Approval, ...]:
    """Every approval of the plan that stands in a case, expired ones too, oldest first."""
    with store.snapshot() as connection:
        rows = connection.execute(_APPROVALS, {"case": case_id}).all()
    return tuple(Approval(row.digest, row.by, row.at, row.until) for row in rows)


def decisions(store: Ledger) -> tuple[Decision, ...]:
    """Everything that was decided about autonomy and not yet overwritten; what expired or is overruled too
    (`remediation.autonomy` tells which one counts). A grant that another person has yet to say admits no more than
    `propose`: it took the place of what was decided before, and that may have been a revocation."""
    with store.snapshot() as connection:
        said, earned = connection.execute(_GRANTS).all(), connection.execute(_DECIDED).all()
    under = tuple(_revoked(row) for row in said if row.revoked == OVER)
    return (
        tuple(_granted(row) for row in said)
        + under
        + tuple(
            Decision(
                fault_class=row.fault_class,
                weights=row.weights,
                mode=Mode.AUTO if row.decided == Decided.PROMOTED else Mode.PROPOSE,
                decided=Decided(row.decided),
                seq=row.seq,
                at=row.at,
                reason=row.reason,
            )
            for row in earned
        )
    )


def active_grants(store: Ledger, now: float) -> tuple[Grant, ...]:
    """Grants that have not expired and that enough people said. A newer decision may overrule them."""
    return tuple(grant for grant in _grants(store, now) if not grant.missing)


def grants_to_confirm(store: Ledger, now: float) -> tuple[Grant, ...]:
    """Grants that wait for another person."""
    return tuple(grant for grant in _grants(store, now) if grant.missing)


def record_of(store: Ledger, fault_class: str, weights: str) -> Record:
    """What was earned by one fault class under given weights."""
    found = (one for one in records(store) if (one.fault_class, one.weights) == (fault_class, weights))
    return next(found, Record(fault_class, weights, 0, None))


def records(store: Ledger) -> tuple[Record, ...]:
    """What was earned by each fault class under the weights that it was changed with."""
    with store.snapshot() as connection:
        rows = connection.execute(_TRUST).all()
    return tuple(
        Record(row.fault_class, row.weights, row.successes, Decided(row.decided) if row.decided else None)
        for row in rows
    )


def was_approved(store: Ledger, operation_id: str) -> bool:
    """Whether people had approved this write."""
    with store.snapshot() as connection:
        return bool(connection.execute(_APPROVED, {"operation": operation_id}).scalar())


def _grants(store: Ledger, now: float) -> tuple[Grant, ...]:
    with store.snapshot() as connection:
        rows = connection.execute(_GRANTS).all()
    return tuple(
        _grant(row) for row in rows if row.revoked != REVOKED and (row.until is None or row.until > now)
    )


def _grant(row: Any) -> Grant:
    return Grant(
        row.fault_class,
        row.weights,
        row.mode,
        row.until,
        row.reason,
        row.granted_by,
        row.at,
        row.people,
    )


def _granted(row: Any) -> Decision:
    waits = row.revoked != REVOKED and bool(_grant(row).missing)
    mode = Mode(row.mode)
    return Decision(
        fault_class=row.fault_class,
        weights=row.weights,
        mode=min(mode, Mode.PROPOSE, key=lambda one: one.rank) if waits else mode,
        decided=Decided.REVOKED if row.revoked == REVOKED else Decided.GRANTED,
        seq=row.seq,
        at=row.at,
        until=row.until,
        by=row.granted_by,
        reason=row.reason,
    )


def _revoked(row: Any) -> Decision:
    """The revocation that a grant with an end took the place of: of the same number, so it counts only once the
    grant, which is listed before it, has expired."""
    return Decision(row.fault_class, row.weights, Mode.PROPOSE, Decided.REVOKED, row.seq, row.at)


_APPROVALS = select(approvals).where(approvals.c.case_id == bindparam("case")).order_by(approvals.c.seq)
_GRANTS = select(grants)
_TRUST = select(trust).order_by(trust.c.fault_class, trust.c.weights)
_DECIDED = select(trust).where(trust.c.decided.is_not(None))
_APPROVED = select(changes.c.approved).where(changes.c.operation_id == bindparam("operation"))
