"""The ledger proves itself: whatever is done to a row, dropped, cut off or added, verification says where."""

from __future__ import annotations

import shutil
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from sqlalchemy.exc import IntegrityError

from remediation.saga import Event, IllegalMove
from store.chain import GENESIS, ChainReport
from store.ledger import Entry, Ledger
from store.projection import READ_MODELS, SystemEvent, rebuild
from tests.store.lives import NOW, fill, healed, lives, make, move, opened

TRIGGERS = ("ledger_is_append_only", "ledger_keeps_its_rows")
ROWS = 24


@pytest.fixture(scope="module")
def sound(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A ledger of three healed cases, closed."""
    path = tmp_path_factory.mktemp("sound") / "ledger.db"
    store = make(path)
    assert store.verify().rows == ROWS
    store.close()
    return path


@pytest.fixture
def copy(sound: Path, tmp_path: Path) -> Path:
    return Path(shutil.copy(sound, tmp_path / "ledger.db"))


def tamper(path: Path, *statements: str) -> ChainReport:
    """What somebody with the file and a SQLite shell can do; then what verification says."""
    with closing(sqlite3.connect(path)) as connection:
        for trigger in TRIGGERS:
            connection.execute(f"DROP TRIGGER {trigger}")
        for statement in statements:
            connection.execute(statement)
        connection.commit()
    store = Ledger.open_read_only(path)
    try:
        return store.verify()
    finally:
        store.close()


def test_an_untouched_ledger_is_intact(copy: Path) -> None:
    report = tamper(copy)
    assert report.intact
    assert (report.rows, report.pruned_to) == (ROWS, 0)


OTHER_VALUES = {
    "at": ("at + 1", "at + 0.000001", "'soon'", "x'00'", "9e999"),
    "case_id": ("'other-1'", "NULL", "''", "CAST(case_id AS BLOB)"),
    "event": ("'closed'", "event || ' '", "CAST(event AS BLOB)"),
    "payload": (
        "'{}'",
        "payload || ' '",
        "replace(payload, 'web', 'wob') || char(0)",
        "x'ff'",
        "CAST(x'ff' AS TEXT)",
        "CAST(payload AS BLOB)",
    ),
    "prev": (f"'{GENESIS[:-1]}1'", "''", "x'00'", "upper(prev) || ' '"),
    "hash": (f"'{GENESIS[:-1]}2'", "''", "x'00'", "hash || ' '"),
}


@pytest.mark.parametrize("row", [1, 12, ROWS])
@pytest.mark.parametrize(
    ("column", "value"), [(column, value) for column, many in OTHER_VALUES.items() for value in many]
)
def test_another_value_in_any_column_of_any_row_is_found_at_that_row(
    copy: Path, row: int, column: str, value: str
) -> None:
    report = tamper(copy, f"UPDATE ledger SET {column} = {value} WHERE seq = {row}")
    assert report.broken_at == row


@pytest.mark.parametrize("row", [1, 2, 12, ROWS - 1])
def test_a_dropped_row_is_found(copy: Path, row: int) -> None:
    report = tamper(copy, f"DELETE FROM ledger WHERE seq = {row}")
    assert report.broken_at == row
    assert "missing" in report.reason


def test_a_dropped_row_is_found_after_the_later_ones_moved_up(copy: Path) -> None:
    report = tamper(
        copy,
        "DELETE FROM ledger WHERE seq = 12",
        *(f"UPDATE ledger SET seq = {row - 1} WHERE seq = {row}" for row in range(13, ROWS + 1)),
        f"UPDATE sqlite_sequence SET seq = {ROWS - 1} WHERE name = 'ledger'",
    )
    assert report.broken_at == 12


def test_rows_cut_off_at_the_end_are_found(copy: Path) -> None:
    report = tamper(copy, f"DELETE FROM ledger WHERE seq > {ROWS - 3}")
    assert (report.broken_at, report.rows) == (ROWS - 2, ROWS - 3)
    assert f"rows {ROWS - 2} to {ROWS} were cut off" in report.reason


def test_a_whole_ledger_that_was_emptied_is_found(copy: Path) -> None:
    assert tamper(copy, "DELETE FROM ledger").broken_at == 1


def test_a_cut_off_tail_stays_visible_after_the_daemon_went_on_writing(copy: Path) -> None:
    tamper(copy, f"DELETE FROM ledger WHERE seq > {ROWS - 2}")
    store = Ledger.open(copy)
    store.record([Entry(SystemEvent.STARTED, {}), Entry(SystemEvent.STOPPED, {})], at=NOW)
    assert store.verify().broken_at == ROWS - 1
    store.close()


def test_an_added_row_is_found(copy: Path) -> None:
    report = tamper(
        copy,
        "INSERT INTO ledger (at, event, payload, prev, hash)"
        " SELECT at, 'approved', '{}', hash, '0' FROM ledger ORDER BY seq DESC LIMIT 1",
    )
    assert report.broken_at == ROWS + 1


def test_two_exchanged_rows_are_found(copy: Path) -> None:
    report = tamper(
        copy,
        "UPDATE ledger SET seq = 1000 WHERE seq = 5",
        "UPDATE ledger SET seq = 5 WHERE seq = 6",
        "UPDATE ledger SET seq = 6 WHERE seq = 1000",
    )
    assert report.broken_at == 5


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE anchor SET pruned_to = 3",
        "UPDATE anchor SET pruned_to = 'three'",
        "UPDATE anchor SET hash = (SELECT hash FROM ledger WHERE seq = 3)",
        "DELETE FROM anchor",
    ],
)
def test_a_changed_anchor_is_found(copy: Path, statement: str) -> None:
    assert not tamper(copy, statement).intact


def test_old_rows_that_were_dropped_as_if_pruned_are_found(copy: Path) -> None:
    report = tamper(
        copy,
        "UPDATE anchor SET pruned_to = 8, hash = (SELECT hash FROM ledger WHERE seq = 8)",
        "DELETE FROM ledger WHERE seq <= 8",
    )
    assert report.broken_at == 1
    assert "no row says" in report.reason


def test_a_ledger_written_anew_from_the_start_is_known_by_a_head_noted_elsewhere(
    copy: Path, tmp_path: Path
) -> None:
    store = Ledger.open_read_only(copy)
    noted = store.verify().head
    store.close()
    forged = make(tmp_path / "forged.db", cases=2)
    fill_last = healed("case2-1")[:-1]
    for entry in fill_last:
        forged.record([entry], at=NOW)
    assert forged.verify().intact
    assert not forged.has_hash(noted)
    forged.close()


@pytest.mark.parametrize("column", ["seq", "at", "case_id", "event", "payload", "prev", "hash"])
def test_the_database_itself_refuses_to_change_a_row(copy: Path, column: str) -> None:
    with closing(sqlite3.connect(copy)) as connection, pytest.raises(sqlite3.IntegrityError, match="append"):
        connection.execute(f"UPDATE ledger SET {column} = {column} WHERE seq = 4")


def test_the_database_itself_refuses_to_give_up_a_row(copy: Path) -> None:
    with closing(sqlite3.connect(copy)) as connection, pytest.raises(sqlite3.IntegrityError, match="anchor"):
        connection.execute("DELETE FROM ledger WHERE seq = 1")


def test_an_impossible_life_is_never_written_and_takes_its_whole_transaction_with_it(tmp_path: Path) -> None:
    store = make(tmp_path / "ledger.db")
    before = store.verify()
    with pytest.raises(IllegalMove):
        store.record([opened("new-1", "new"), move(Event.APPLIED, "new-1")], at=NOW)
    assert store.verify() == before
    store.close()


def test_the_same_case_is_never_opened_twice(tmp_path: Path) -> None:
    store = make(tmp_path / "ledger.db")
    before = store.verify()
    with pytest.raises(IntegrityError):
        store.record([opened("case0-1", "case0-1")], at=NOW)
    assert store.verify() == before
    store.close()


def test_a_number_that_is_none_is_never_written(tmp_path: Path) -> None:
    store = make(tmp_path / "ledger.db")
    before = store.verify()
    with pytest.raises(ValueError, match="not JSON compliant"):
        store.record([Entry(SystemEvent.STARTED, {"at": float("nan")})], at=NOW)
    assert store.verify() == before
    store.close()


@settings(max_examples=60, deadline=None)
@given(rows=lives())
def test_any_legal_history_verifies_and_rebuilds_to_the_same_read_models(
    tmp_path_factory: pytest.TempPathFactory, rows: list[tuple[Entry, float]]
) -> None:
    store = Ledger.open(tmp_path_factory.mktemp("any") / "ledger.db")
    for entry, at in rows:
        store.record([entry], at=at)
    report = store.verify()
    assert report.intact
    assert report.rows == len(rows)
    before = read_models(store)
    with store.transaction() as connection:
        assert rebuild(connection) == len(rows)
    assert read_models(store) == before
    assert store.verify() == report
    store.close()


def read_models(store: Ledger) -> dict[str, list[Any]]:
    with store.transaction() as connection:
        return {table.name: sorted(map(repr, connection.execute(table.select()))) for table in READ_MODELS}


def test_rows_of_one_transaction_and_of_many_give_the_same_chain(tmp_path: Path) -> None:
    many, one = make(tmp_path / "many.db"), Ledger.open(tmp_path / "one.db")
    one.record([entry for number in range(3) for entry in healed(f"case{number}-1")], at=NOW)
    assert one.verify() == many.verify()
    many.close()
    one.close()


def test_a_ledger_can_be_filled_again_after_it_was_opened_again(tmp_path: Path) -> None:
    make(tmp_path / "ledger.db", cases=1).close()
    store = Ledger.open(tmp_path / "ledger.db")
    with pytest.raises(IntegrityError):
        fill(store, 1)
    store.record(healed("later-1"), at=NOW)
    assert store.verify().intact
    store.close()
