"""What ledger rows mean for autonomy: grants and revocations of people, successes, promotions, demotions.

Part of `store.projection`: in the transaction that appends the row, and from nothing but rows. A demotion is no row
of its own that somebody could forget to write: the row that a change did not hold, was undone or was rejected *is*
the demotion.
"""

from __future__ import annotations

from typing import Any, TypeVar

from sqlalchemy import Connection, Delete, Table, Update, delete, select, update
from sqlalchemy.dialects.sqlite import insert as upsert

from intents.model import Mode
from remediation.autonomy import ANY, Decided
from remediation.model import Outcome
from remediation.saga import Event
from store.schema import cases, changes, grants, trust

KEY = ["fault_class", "weights"]
Statement = TypeVar("Statement", Update, Delete)
BETWEEN = ", "
"""Between the names of those who said a grant; no user name holds it."""

REVOKED, OVER = 1, 2
"""Of a row: it is a revocation; it is a grant that took the place of one, which counts again when the grant ends."""

DEMOTES = frozenset(
    {
        Event.REJECTED,
        Event.NOT_HELD,
        Event.UNDO_ASKED,
        Event.ROLLBACK_STARTED,
        Event.ROLLED_BACK,
        Event.ROLLBACK_IMPOSSIBLE,
    }
)
"""What ends trust in the fault class under the weights that made the change, at once."""


def learn(
    connection: Connection, *, seq: int, at: float, case_id: str, event: Event, payload: dict[str, Any]
) -> None:
    """What a row of a case says about the trust in its fault class and weights. Call it before the case's own
    fields change."""
    if event in DEMOTES:
        case = _of_case(connection, case_id)
        gone = {"successes": 0, "decided": Decided.DEMOTED.value, "seq": seq, "at": at}
        gone["reason"] = f"{event.value} in case {case_id}"
        _write(connection, case.fault_class, case.weights, gone, gone)
    elif event is Event.HELD and payload.get("outcome") == Outcome.FIXED and _approved(connection, case_id):
        case = _of_case(connection, case_id)
        first = {"successes": 1, "decided": None, "seq": seq, "at": at, "reason": ""}
        _write(connection, case.fault_class, case.weights, first, {"successes": trust.c.successes + 1})


def promote(connection: Connection, *, seq: int, at: float, payload: dict[str, Any]) -> None:
    """A promotion counts where the successes that it names are still there: whoever demoted between the proof
    and this row wins."""
    connection.execute(
        update(trust)
        .where(
            trust.c.fault_class == payload["fault_class"],
            trust.c.weights == payload["weights"],
            trust.c.successes >= payload["successes"],
        )
        .values(
            decided=Decided.PROMOTED.value,
            seq=seq,
            at=at,
            reason=f"{payload['successes']} approved changes held, the last in case {payload['case']}",
        )
    )


def grant(connection: Connection, *, seq: int, at: float, payload: dict[str, Any]) -> None:
    """What a person allows. Where several people are asked for, the same grant said by another one completes
    it; its end is the earlier of both. One that takes trust away needs nobody else."""
    fault_class, weights, people = payload["fault_class"], payload["weights"], payload.get("people", 1)
    names, until = [payload["by"]], payload["until"]
    before = connection.execute(
        select(grants).where(grants.c.fault_class == fault_class, grants.c.weights == weights)
    ).one_or_none()
    if before is not None and before.revoked != REVOKED and before.mode == payload["mode"] and people > 1:
        said = before.granted_by.split(BETWEEN)
        ends = [end for end in (before.until, until) if end is not None]
        if (before.until is None or before.until > at) and len(said) < before.people:
            names = [*said, *(name for name in names if name not in said)]
            until = min(ends, default=None)
    values = {
        "mode": payload["mode"],
        "until": until,
        "reason": payload["reason"],
        "granted_by": BETWEEN.join(names),
        "at": at,
        "seq": seq,
        "revoked": OVER if until is not None and before is not None and before.revoked else 0,
        "people": people,
    }
    _grant(connection, fault_class, weights, values)
    if payload["mode"] != Mode.AUTO:
        _forget(connection, fault_class, weights)


def revoke(connection: Connection, *, seq: int, at: float, payload: dict[str, Any]) -> None:
    """What a person takes away, granted or earned. The row stands against older grants of wider reach too."""
    fault_class, weights = payload["fault_class"], payload["weights"]
    values = {
        "mode": Mode.PROPOSE.value,
        "until": None,
        "reason": payload["reason"],
        "granted_by": payload["by"],
        "at": at,
        "seq": seq,
        "revoked": REVOKED,
        "people": 1,
    }
    connection.execute(_about(delete(grants), grants, fault_class, weights))
    _grant(connection, fault_class, weights, values)
    _forget(connection, fault_class, weights)


def _grant(connection: Connection, fault_class: str, weights: str, values: dict[str, Any]) -> None:
    said = upsert(grants).values(fault_class=fault_class, weights=weights, **values)
    connection.execute(said.on_conflict_do_update(index_elements=KEY, set_=values))


def _forget(connection: Connection, fault_class: str, weights: str) -> None:
    """What was earned is earned anew after a person said less."""
    forgotten = update(trust).values(successes=0, decided=None, reason="")
    connection.execute(_about(forgotten, trust, fault_class, weights))


def _about(statement: Statement, table: Table, fault_class: str, weights: str) -> Statement:
    """Narrowed to the rows that are about nothing else."""
    for name, value in (("fault_class", fault_class), ("weights", weights)):
        if value != ANY:
            statement = statement.where(table.c[name] == value)
    return statement


def _write(
    connection: Connection, fault_class: str, weights: str, first: dict[str, Any], later: dict[str, Any]
) -> None:
    row = upsert(trust).values(fault_class=fault_class, weights=weights, **first)
    connection.execute(row.on_conflict_do_update(index_elements=KEY, set_=later))


def _of_case(connection: Connection, case_id: str) -> Any:
    return connection.execute(
        select(cases.c.fault_class, cases.c.weights).where(cases.c.case_id == case_id)
    ).one()


def _approved(connection: Connection, case_id: str) -> bool:
    operation = select(cases.c.operation_id).where(cases.c.case_id == case_id).scalar_subquery()
    return bool(
        connection.execute(select(changes.c.approved).where(changes.c.operation_id == operation)).scalar()
    )
