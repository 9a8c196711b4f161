"""Questions to the read models, answered as plain frozen values."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import bindparam, func, select

from detectors.model import CaseKey, ObjectRef
from remediation.saga import Event, State
from store.ledger import Ledger
from store.schema import cases, changes, last_good, ledger, notices, pauses


@dataclass(frozen=True, slots=True)
class CaseRow:
    """One case as it stands."""

    case_id: str
    intent: str
    kind: str
    namespace: str
    name: str
    opening: int
    state: State
    fault_class: str
    severity: str
    summary: str
    opened_at: float
    updated_at: float
    cause: str
    weights: str
    plan: dict[str, Any] | None
    digest: str | None
    operation_id: str | None
    applied_at: float | None
    outcome: str | None
    outcome_reason: str

    @property
    def key(self) -> CaseKey:
        """The case's key across openings."""
        return CaseKey(self.intent, self.kind, self.namespace, self.name)


@dataclass(frozen=True, slots=True)
class Step:
    """One ledger row."""

    seq: int
    at: float
    case_id: str | None
    event: str
    payload: dict[str, Any]
    hash: str


@dataclass(frozen=True, slots=True)
class ChangeRow:
    """One charged write. `touched` is a list of [path, before, after]; `result` None = outcome unknown."""

    operation_id: str
    at: float
    case_id: str
    intent: str
    kind: str
    namespace: str
    name: str
    fault_class: str
    touched: list[Any]
    result: str | None
    approved: int = 0  # 1 where people had approved it


@dataclass(frozen=True, slots=True)
class Pause:
    """A pause in force. `scope` is `all` or an intent's name."""

    scope: str
    reason: str
    by: str
    at: float
    until: float | None


@dataclass(frozen=True, slots=True)
class PendingNotice:
    """A message that nobody has received yet."""

    id: int
    at: float
    case_id: str
    severity: str
    title: str
    body: str


def open_cases(store: Ledger, *states: State) -> tuple[CaseRow, ...]:
    """All cases that are not closed, or only those in these states, oldest first. Without a limit: a write in
    flight must not hide behind newer cases."""
    wanted = [state.value for state in states or _UNCLOSED]
    with store.snapshot() as connection:
        return tuple(_case(row) for row in connection.execute(_IN_STATES, {"states": wanted}))


_UNCLOSED = tuple(state for state in State if state is not State.CLOSED)
_IN_STATES = (
    select(cases)
    .where(cases.c.state.in_(bindparam("states", expanding=True)))
    .order_by(cases.c.opened_at, cases.c.case_id)
)
"""Statements of the loops are built once: building one costs as much as running it."""


def find_cases(
    store: Ledger, *, only_open: bool = False, intent: str | None = None, limit: int = 500
) -> tuple[CaseRow, ...]:
    """Cases, the open ones first, then the newest."""
    query = select(cases)
    if only_open:
        query = query.where(cases.c.state != State.CLOSED.value)
    if intent is not None:
        query = query.where(cases.c.intent == intent)
    query = query.order_by(
        cases.c.state == State.CLOSED.value, cases.c.opened_at.desc(), cases.c.case_id
    ).limit(limit)
    with store.snapshot() as connection:
        return tuple(_case(row) for row in connection.execute(query))


def cases_moved(store: Ledger, after: int | None) -> tuple[tuple[CaseRow, ...], int]:
    """Cases with a ledger row numbered above `after`, oldest opening first, and the newest number: what a
    reader that keeps what it read has missed. Every change of a case comes with a row. None: the newest
    opening of every key, also of those whose rows were pruned."""
    with store.snapshot() as connection:
        query = connection.execute(_NEWEST if after is None else _MOVED, {"after": after or 0})
        rows = tuple(_case(row) for row in query)
        return rows, max(after or 0, connection.execute(_LAST).scalar() or 0)


_other = cases.alias("other")
_NEWEST = select(_other).where(
    _other.c.opening
    == select(func.max(cases.c.opening))
    .where(*(cases.c[name] == _other.c[name] for name in ("intent", "kind", "namespace", "name")))
    .scalar_subquery()
)
_MOVED = (
    select(cases)
    .where(cases.c.case_id.in_(select(ledger.c.case_id).where(ledger.c.seq > bindparam("after"))))
    .order_by(cases.c.opening)
)
_LAST = select(func.max(ledger.c.seq))


def get_case(store: Ledger, case_id: str) -> CaseRow | None:
    """One case by its id, or by its key's hash (then the newest opening)."""
    query = select(cases).where(cases.c.case_id == case_id)
    newest = (
        select(cases)
        .where(cases.c.case_id.like(case_id.replace("%", "").replace("_", "") + "-%"))
        .order_by(cases.c.opening.desc())
    )
    with store.snapshot() as connection:
        row = connection.execute(query).one_or_none() or connection.execute(newest.limit(1)).one_or_none()
    return None if row is None else _case(row)


def _case(row: Any) -> CaseRow:
    values = dict(row._mapping)
    values["state"] = State(values["state"])
    values["plan"] = None if values["plan"] is None else json.loads(values["plan"])
    return CaseRow(**values)


def steps(store: Ledger, case_id: str) -> tuple[Step, ...]:
    """Every row of one case in order."""
    query = select(ledger).where(ledger.c.case_id == case_id).order_by(ledger.c.seq)
    with store.snapshot() as connection:
        return tuple(_step(row) for row in connection.execute(query))


def newest_steps(store: Ledger, *, limit: int = 50, after: int = 0) -> tuple[Step, ...]:
    """The newest rows of the whole ledger in order, beginning after a sequence number."""
    query = select(ledger).where(ledger.c.seq > after).order_by(ledger.c.seq.desc()).limit(limit)
    with store.snapshot() as connection:
        return tuple(reversed([_step(row) for row in connection.execute(query)]))


def last_step(store: Ledger, case_id: str, event: Event) -> Step | None:
    """The newest row of one event in a case."""
    with store.snapshot() as connection:
        row = connection.execute(_LAST_STEP, {"case": case_id, "event": event.value}).one_or_none()
    return None if row is None else _step(row)


_LAST_STEP = (
    select(ledger)
    .where(ledger.c.case_id == bindparam("case"), ledger.c.event == bindparam("event"))
    .order_by(ledger.c.seq.desc())
    .limit(1)
)


def wanted_back(store: Ledger, case_id: str) -> Step | None:
    """The row that says that an applied change must be undone: it did not hold, or a person asked."""
    return last_step(store, case_id, Event.UNDO_ASKED) or last_step(store, case_id, Event.NOT_HELD)


def _step(row: Any) -> Step:
    return Step(row.seq, row.at, row.case_id, row.event, json.loads(row.payload), row.hash)


def changes_since(store: Ledger, since: float) -> tuple[ChangeRow, ...]:
    """Every charged write since a time, oldest first. A clock stepped back never hides a charge: rows from
    the future count too."""
    with store.snapshot() as connection:
        return tuple(_change(row) for row in connection.execute(_CHANGES, {"since": since}))


def changes_ended(store: Ledger, namespace: str, results: Iterable[str]) -> tuple[ChangeRow, ...]:
    """Every charged write in a namespace with one of these results, oldest first."""
    wanted = {"namespace": namespace, "results": sorted(results)}
    with store.snapshot() as connection:
        return tuple(_change(row) for row in connection.execute(_ENDED, wanted))


def _change(row: Any) -> ChangeRow:
    return ChangeRow(**{**row._mapping, "touched": json.loads(row.touched)})


_ENDED = (
    select(changes)
    .where(
        changes.c.namespace == bindparam("namespace"),
        changes.c.result.in_(bindparam("results", expanding=True)),
    )
    .order_by(changes.c.at)
)
_CHANGES = select(changes).where(changes.c.at >= bindparam("since")).order_by(changes.c.at)


def rehearsals_ended(store: Ledger, namespace: str, result: str) -> tuple[dict[str, Any], ...]:
    """What was tried as a canary in a namespace and ended so: the rows' payloads, oldest first."""
    with store.snapshot() as connection:
        rows = connection.execute(_REHEARSED, {"namespace": namespace, "event": Event.REHEARSAL_ENDED.value})
        told = [json.loads(row.payload) for row in rows]
    return tuple(payload for payload in told if payload["result"] == result)


_REHEARSED = (
    select(ledger.c.payload)
    .where(
        ledger.c.case_id.in_(select(cases.c.case_id).where(cases.c.namespace == bindparam("namespace"))),
        ledger.c.event == bindparam("event"),
    )
    .order_by(ledger.c.seq)
)


def known_good(store: Ledger, ref: ObjectRef) -> tuple[dict[str, Any], str] | None:
    """The last known good manifest of an object and the version it was read at."""
    with store.snapshot() as connection:
        row = connection.execute(_KNOWN_GOOD, dict(zip(KEY, ref.key, strict=True))).one_or_none()
    return None if row is None else (json.loads(row.manifest), row.version)


KEY = ("kind", "namespace", "name")
_KNOWN_GOOD = select(last_good.c.manifest, last_good.c.version).where(
    *(last_good.c[name] == bindparam(name) for name in KEY)
)


def known_good_versions(store: Ledger) -> dict[tuple[str, str, str], str]:
    """Which version of which object is stored, to see cheaply what is new."""
    query = select(last_good.c.kind, last_good.c.namespace, last_good.c.name, last_good.c.version)
    with store.snapshot() as connection:
        return {(row.kind, row.namespace, row.name): row.version for row in connection.execute(query)}


def active_pauses(store: Ledger, now: float) -> tuple[Pause, ...]:
    """Pauses that have not expired."""
    with store.snapshot() as connection:
        rows = connection.execute(_PAUSES).all()
    return tuple(Pause(**row._mapping) for row in rows if row.until is None or row.until > now)


_PAUSES = select(pauses)


def pending_notices(store: Ledger) -> tuple[PendingNotice, ...]:
    """Messages still to be sent."""
    query = select(
        notices.c.id, notices.c.at, notices.c.case_id, notices.c.severity, notices.c.title, notices.c.body
    )
    with store.snapshot() as connection:
        return tuple(
            PendingNotice(**row._mapping)
            for row in connection.execute(query.where(notices.c.sent_at.is_(None)).order_by(notices.c.id))
        )


def outcome_counts(store: Ledger) -> dict[str, int]:
    """How many cases ended how."""
    query = (
        select(cases.c.outcome, func.count()).where(cases.c.outcome.is_not(None)).group_by(cases.c.outcome)
    )
    with store.snapshot() as connection:
        return {row[0]: row[1] for row in connection.execute(query)}


def to_rows(found: Sequence[Any]) -> list[dict[str, Any]]:
    """Values as JSON-ready rows for `--output json`."""
    from dataclasses import asdict

    return [asdict(item) for item in found]
