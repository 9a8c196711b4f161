"""Whatever interrupts the transaction before a write: the row that announces it, its guards' verdicts and its charge are
there together, or none of them is."""

from __future__ import annotations

import contextlib
from pathlib import Path

import pytest
from sqlalchemy import event

from remediation.saga import Event, State
from store.ledger import Ledger
from store.queries import changes_since, find_cases, newest_steps
from tests.store.lives import NOW, move, opened

CASE = "case0-1"
BEFORE = (Event.DIAGNOSIS_STARTED, Event.DIAGNOSED, Event.PLANNED)


class PulledError(Exception):
    """The statement that the disk did not take."""


def interrupted(path: Path, at: int) -> bool:
    """Announce a write, and fail before that statement of the transaction; false where it has fewer."""
    store, passed = Ledger.open(path), 0
    store.record([opened(CASE), *(move(one, CASE) for one in BEFORE)], at=NOW)

    def statement(*_: object) -> None:
        nonlocal passed
        passed += 1
        if passed > at:
            raise PulledError

    event.listen(store._writer, "before_cursor_execute", statement)
    try:
        with contextlib.suppress(PulledError):
            store.record([move(Event.GUARDED, CASE), move(Event.APPLY_STARTED, CASE)], at=NOW + 1)
            return False
    finally:
        store.close()
    return True


def test_the_charge_and_its_rows_are_there_together_or_not_at_all(tmp_path: Path) -> None:
    cut = 0
    while interrupted(tmp_path / f"{cut}.db", cut):
        store = Ledger.open(tmp_path / f"{cut}.db")
        assert [step.event for step in newest_steps(store, limit=1)] == [Event.PLANNED]
        assert changes_since(store, 0.0) == ()
        assert [row.state for row in find_cases(store)] == [State.PROPOSED]
        assert store.verify().intact
        store.close()
        cut += 1
    assert cut >= 8, "the transaction has more statements than that"
    store = Ledger.open(tmp_path / f"{cut}.db")
    assert [step.event for step in newest_steps(store, limit=2)] == [Event.GUARDED, Event.APPLY_STARTED]
    assert [change.case_id for change in changes_since(store, 0.0)] == [CASE]
    store.close()


def test_a_charge_that_is_there_already_takes_its_row_with_it(tmp_path: Path) -> None:
    """The same operation twice would be one charge for two writes."""
    from sqlalchemy.exc import IntegrityError

    store = Ledger.open(tmp_path / "ledger.db")
    for case in (CASE, "case1-1"):
        store.record([opened(case, case), *(move(one, case) for one in BEFORE)], at=NOW)
    store.record([move(Event.APPLY_STARTED, CASE, operation_id="same")], at=NOW)
    rows = store.verify().rows
    with pytest.raises(IntegrityError):
        store.record([move(Event.APPLY_STARTED, "case1-1", operation_id="same")], at=NOW)
    assert (store.verify().rows, len(changes_since(store, 0.0))) == (rows, 1)
    store.close()
