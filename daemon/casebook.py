"""The newest case of every key: what each look asks. Reads what moved since it read last, and nothing where
nothing was recorded since."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from detectors.model import CaseKey, Cause
from detectors.pods import RAN
from remediation.model import Outcome
from remediation.saga import Event, State
from store.ledger import Ledger
from store.queries import CaseRow, cases_moved, steps


class CaseBook:
    """One a thread: it keeps what it read."""

    def __init__(self, store: Ledger) -> None:
        self._store = store
        self._read_at = -1
        self._up_to: int | None = None  # the newest ledger row that `_rows` knows
        self._rows: Mapping[CaseKey, CaseRow] = {}
        self._seen: dict[str, dict[str, Any]] = {}

    @property
    def rows(self) -> Mapping[CaseKey, CaseRow]:
        """By key, open or closed."""
        if self._read_at != self._store.writes:
            read_at = self._store.writes  # before the query: a row that comes meanwhile is read next time
            moved, self._up_to = cases_moved(self._store, self._up_to)
            rows = dict(self._rows)
            for row in moved:
                known = rows.get(row.key)
                if known is None or known.opening <= row.opening:
                    rows[row.key] = row
            self._rows = rows
            self._read_at = read_at
        return self._rows

    @property
    def open(self) -> tuple[CaseRow, ...]:
        """Cases that are not closed."""
        return tuple(row for row in self.rows.values() if row.state is not State.CLOSED)

    def leading(self) -> Mapping[Cause, CaseKey]:
        """The oldest case of each cause that is being worked on: neither ended nor handed to a person."""
        found: dict[Cause, CaseKey] = {}
        for row in sorted(self.open, key=lambda row: (row.opened_at, row.case_id)):
            if row.state is not State.STUCK and (cause := self.cause(row)) is not None:
                found.setdefault(cause, row.key)
        return found

    def handed_over(self, broken: Iterable[CaseKey]) -> Mapping[tuple[str, Cause], str]:
        """By intent and cause, of what is broken now: the earliest case that ended with calling a person."""
        found: dict[tuple[str, Cause], str] = {}
        rows = [row for key in broken if (row := self.rows.get(key)) is not None]
        for row in sorted(rows, key=lambda row: (row.updated_at, row.case_id)):
            if row.state is State.CLOSED and row.outcome == Outcome.ESCALATED and (cause := self.cause(row)):
                found.setdefault((row.intent, cause), row.case_id)
        return found

    def expectations(self, row: CaseRow) -> frozenset[int]:
        """Which of the intent's expectations were broken when the case was opened: the ones that must be
        seen whole again."""
        return frozenset(int(violation["expectation"]) for violation in self._violations(row))

    def fault_classes(self, row: CaseRow) -> frozenset[str]:
        """The fault classes that the case was opened with."""
        return frozenset(violation["fault_class"] for violation in self._violations(row))

    def fault_interval(self, row: CaseRow) -> float:
        """Seconds after which the fault showed itself again, as far as the violations say: the longest time
        that a container ran before it ended. 0 where nothing says."""
        told = (violation.get("facts", {}).get(RAN, "") for violation in self._violations(row))
        return max((float(text) for text in told if text.isdecimal()), default=0.0)

    def cause(self, row: CaseRow) -> Cause | None:
        """What the case was opened with as the cause that others may share."""
        told = self._opened(row).get("cause")
        return Cause(*told) if told else None

    def recurs_after(self, row: CaseRow) -> float:
        """Seconds from the opening before this one to this one, where that one was not mended: how often the fault
        comes and goes. 0 where this is the first."""
        return float(self._opened(row).get("recurs_after") or 0.0)

    def _violations(self, row: CaseRow) -> list[dict[str, Any]]:
        return list(self._opened(row).get("violations", []))

    def _opened(self, row: CaseRow) -> dict[str, Any]:
        if row.case_id not in self._seen:
            first = next(
                (step for step in steps(self._store, row.case_id) if step.event == Event.OPENED), None
            )
            self._seen[row.case_id] = first.payload if first else {}
        return self._seen[row.case_id]
