"""From ledger rows to read models: the tables that guards, the CLI and the loops ask.

Every projection runs in the transaction that appends its row, and uses nothing but the row, so the read
models can be rebuilt from the ledger at any time (`rebuild`, tested to give the same tables).
"""

from __future__ import annotations

import json
from enum import StrEnum
from typing import Any

from sqlalchemy import Connection, delete, insert, select, update
from sqlalchemy.dialects.sqlite import insert as upsert

from remediation.rehearsal import REHEARSED
from remediation.saga import Event, IllegalMove, State, advance, begin
from store import autonomy
from store.chain import PRUNED, canonical
from store.schema import approvals, cases, changes, grants, last_good, ledger, notices, pauses, trust


class SystemEvent(StrEnum):
    """Rows that belong to no case."""

    STARTED = "daemon-started"
    STOPPED = "daemon-stopped"
    CATALOG = "catalog-changed"
    GRANTED = "autonomy-granted"
    REVOKED = "autonomy-revoked"
    PROMOTED = "autonomy-promoted"
    PAUSED = "paused"
    RESUMED = "resumed"
    KILL_SWITCH = "kill-switch"
    PRUNED = PRUNED
    LAST_GOOD = "last-known-good"
    NOTICE_SENT = "notice-sent"


def project(
    connection: Connection, *, seq: int, at: float, case_id: str | None, event: str, payload: dict[str, Any]
) -> None:
    """Apply one row. Raises IllegalMove where the case's state does not admit the event, or another plan stands
    than the one that is approved or written; that undoes the whole transaction: a row that tells of an
    impossible life is never written."""
    if case_id is None:
        _system(connection, seq, at, SystemEvent(event), payload)
        return
    move = Event(event)
    if move is Event.OPENED:
        _open(connection, at, case_id, payload)
        return
    before = connection.execute(select(cases.c.state, cases.c.digest).where(cases.c.case_id == case_id)).one()
    state = State(before.state)
    if move in _OF_THE_PLAN and state is State.PROPOSED and payload["digest"] != before.digest:
        raise IllegalMove(f"{move} names another plan than the one that stands")
    autonomy.learn(connection, seq=seq, at=at, case_id=case_id, event=move, payload=payload)
    values: dict[str, Any] = {"state": advance(state, move).value, "updated_at": at}
    values.update(_case_fields(move, at, payload))
    if values["state"] == State.CLOSED:
        values["outcome"] = payload["outcome"]
        values["outcome_reason"] = payload.get("reason", "")
    elif state is State.CLOSED:
        values |= {"outcome": None, "outcome_reason": ""}
    if (result := _RESULTS.get(move)) is not None:  # before the case forgets which operation it was
        operation = select(cases.c.operation_id).where(cases.c.case_id == case_id).scalar_subquery()
        connection.execute(update(changes).where(changes.c.operation_id == operation).values(result=result))
    connection.execute(update(cases).where(cases.c.case_id == case_id).values(values))
    if move in (Event.PLANNED, Event.STALE) or values["state"] == State.CLOSED:
        connection.execute(delete(approvals).where(approvals.c.case_id == case_id))
    if move is Event.APPROVED:
        said = {"digest": payload["digest"], "by": payload["by"], "at": at, "until": payload["until"]}
        connection.execute(insert(approvals).values(seq=seq, case_id=case_id, **said))
    if move is Event.APPLY_STARTED:
        _charge(connection, at, case_id, payload)
        if rehearsal := payload.get("rehearsed_by"):  # its charge is this one now: one cure, one change
            connection.execute(delete(changes).where(changes.c.operation_id == rehearsal))
    if move is Event.REHEARSAL_STARTED:
        _charge(connection, at, case_id, payload, REHEARSED)
    if notice := payload.get("notice"):
        connection.execute(
            insert(notices).values(
                at=at,
                case_id=case_id,
                severity=notice["severity"],
                title=notice["title"],
                body=notice["body"],
            )
        )


_OF_THE_PLAN = frozenset({Event.APPROVED, Event.APPLY_STARTED})
"""Rows that are bound to a digest."""

_RESULTS = {
    Event.APPLIED: "applied",
    Event.APPLY_FAILED: "refused",
    Event.HELD: "held",
    Event.NOT_HELD: "not-held",
    Event.ROLLED_BACK: "rolled-back",
    Event.ROLLBACK_IMPOSSIBLE: "stuck",
}


def _open(connection: Connection, at: float, case_id: str, payload: dict[str, Any]) -> None:
    columns = ("intent", "kind", "namespace", "name", "opening", "fault_class", "severity", "summary")
    connection.execute(
        insert(cases).values(
            case_id=case_id,
            state=begin().value,
            opened_at=at,
            updated_at=at,
            cause="",
            weights="",
            outcome_reason="",
            **{c: payload[c] for c in columns},
        )
    )


def _case_fields(event: Event, at: float, payload: dict[str, Any]) -> dict[str, Any]:
    match event:
        case Event.DIAGNOSED | Event.UNUSABLE:
            # Never the fault class that the model names: autonomy and budgets hang on it.
            return {"cause": payload.get("cause", ""), "weights": payload.get("weights", "")}
        case Event.PLANNED:
            return {
                "plan": canonical(payload["plan"]),
                "digest": payload["digest"],
            }
        case Event.STALE:
            return {"plan": None, "digest": None, "operation_id": None}
        case Event.APPLY_STARTED:
            return {"operation_id": payload["operation_id"]}
        case Event.APPLY_FAILED:
            return {"operation_id": None}
        case Event.APPLIED:
            return {"applied_at": at}
        case _:
            return {}


def _charge(
    connection: Connection, at: float, case_id: str, payload: dict[str, Any], result: str | None = None
) -> None:
    case = connection.execute(select(cases).where(cases.c.case_id == case_id)).one()
    target = payload["target"]
    connection.execute(
        insert(changes).values(
            operation_id=payload["operation_id"],
            at=at,
            case_id=case_id,
            intent=case.intent,
            kind=target["kind"],
            namespace=target["namespace"],
            name=target["name"],
            fault_class=case.fault_class,
            touched=canonical(payload["touched"]),
            approved=int(payload.get("approved", False)),
            result=result,
        )
    )


def _system(connection: Connection, seq: int, at: float, event: SystemEvent, payload: dict[str, Any]) -> None:
    match event:
        case SystemEvent.GRANTED:
            autonomy.grant(connection, seq=seq, at=at, payload=payload)
        case SystemEvent.REVOKED:
            autonomy.revoke(connection, seq=seq, at=at, payload=payload)
        case SystemEvent.PROMOTED:
            autonomy.promote(connection, seq=seq, at=at, payload=payload)
        case SystemEvent.PAUSED:
            values = {"reason": payload["reason"], "by": payload["by"], "at": at, "until": payload["until"]}
            paused = upsert(pauses).values(scope=payload["scope"], **values)
            # Whoever pauses wants quiet: a short pause ends no longer one. `resume` does.
            longer = None if payload["until"] is None else pauses.c.until < payload["until"]
            connection.execute(
                paused.on_conflict_do_update(index_elements=["scope"], set_=values, where=longer)
            )
        case SystemEvent.RESUMED:
            connection.execute(delete(pauses).where(pauses.c.scope == payload["scope"]))
        case SystemEvent.LAST_GOOD:
            values = {"at": at, "version": payload["version"], "manifest": canonical(payload["manifest"])}
            key = {name: payload[name] for name in ("kind", "namespace", "name")}
            good = upsert(last_good).values(**key, **values)
            connection.execute(
                good.on_conflict_do_update(index_elements=["kind", "namespace", "name"], set_=values)
            )
        case SystemEvent.NOTICE_SENT:
            connection.execute(update(notices).where(notices.c.id == payload["id"]).values(sent_at=at))
        case _:
            pass


READ_MODELS = (cases, changes, grants, trust, approvals, pauses, last_good, notices)


def rebuild(connection: Connection) -> int:
    """Empty the read models and project every row again; answers the number of rows. Only exact while the
    ledger holds every row (nothing pruned)."""
    for table in READ_MODELS:
        connection.execute(delete(table))
    # Messages are numbered, and later rows name the numbers.
    connection.exec_driver_sql("DELETE FROM sqlite_sequence WHERE name = 'notices'")
    rows = connection.execute(select(ledger).order_by(ledger.c.seq)).all()
    for row in rows:
        payload = json.loads(row.payload)
        project(connection, seq=row.seq, at=row.at, case_id=row.case_id, event=row.event, payload=payload)
    return len(rows)
