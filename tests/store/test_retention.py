"""Old rows may go, what is open may not, and the chain stays provable; copies are made while rows are written."""

from __future__ import annotations

import stat
import threading
from pathlib import Path

import pytest

from detectors.model import ObjectRef
from remediation.saga import Event
from store.errors import StoreError
from store.ledger import Entry, Ledger
from store.projection import SystemEvent
from store.queries import find_cases, get_case, known_good, newest_steps, pending_notices
from store.retention import backup, prune
from tests.store.lives import KEY, NOW, OPENED, healed, make, move, notice, opened

DAY = 86_400.0
LATER = NOW + 100 * DAY
HORIZON = LATER - 90 * DAY


def test_rows_behind_the_horizon_go_and_the_rest_verifies_from_the_anchor(tmp_path: Path) -> None:
    store = make(tmp_path / "ledger.db")
    store.record(healed("young-1"), at=LATER - DAY)
    head = store.verify().head
    assert prune(store, older_than=HORIZON, at=LATER) == 24
    report = store.verify()
    assert report.intact
    assert (report.pruned_to, report.rows) == (24, 8 + 1)
    assert store.has_hash(head)
    store.close()


def test_of_pruned_cases_only_the_newest_of_a_key_is_still_listed(tmp_path: Path) -> None:
    """Its number must not be given twice."""
    store = Ledger.open(tmp_path / "ledger.db")
    for _ in range(3):
        case = store.open_case(KEY, OPENED, at=NOW)
        store.record([Entry(Event.CLOSED, {"outcome": "abandoned"}, str(case))], at=NOW)
    assert prune(store, older_than=HORIZON, at=LATER) == 6
    assert [case.opening for case in find_cases(store)] == [3]
    assert store.open_case(KEY, OPENED, at=LATER).opening == 4
    store.close()


def test_the_chain_says_what_was_given_up_and_when(tmp_path: Path) -> None:
    store = make(tmp_path / "ledger.db")
    prune(store, older_than=HORIZON, at=LATER)
    (row,) = newest_steps(store)
    assert (row.event, row.at) == (SystemEvent.PRUNED, LATER)
    assert (row.payload["from"], row.payload["to"]) == (1, 24)
    store.close()


def test_an_old_case_that_is_open_keeps_its_rows_and_all_after_them(tmp_path: Path) -> None:
    store = make(tmp_path / "ledger.db", cases=1)
    store.record([opened("open-1", "open")], at=NOW)
    store.record(healed("closed-1"), at=NOW)
    assert prune(store, older_than=HORIZON, at=LATER) == 8
    assert get_case(store, "open-1") is not None
    assert store.verify().intact
    assert len([row for row in newest_steps(store) if row.case_id == "open-1"]) == 1
    store.close()


def test_a_message_that_nobody_has_received_is_kept_with_its_case(tmp_path: Path) -> None:
    store = Ledger.open(tmp_path / "ledger.db")
    told = {"severity": "critical", "title": "help", "body": ""}
    store.record([opened("case-1"), move(Event.ESCALATED, "case-1", notice=told)], at=NOW)
    assert prune(store, older_than=HORIZON, at=LATER) == 0
    assert [found.title for found in pending_notices(store)] == ["help"]
    store.record([notice(1)], at=LATER)
    assert prune(store, older_than=HORIZON, at=LATER) == 2
    assert store.verify().intact
    store.close()


def test_pruning_again_and_again_keeps_the_chain_and_the_newest_witness(tmp_path: Path) -> None:
    store = make(tmp_path / "ledger.db", cases=1)
    for week in range(1, 30):
        now = NOW + week * 7 * DAY
        store.record(healed(f"week{week}-1"), at=now)
        prune(store, older_than=now - 10 * DAY, at=now)
        assert store.verify().intact
    assert store.verify().rows < 40
    store.close()


def test_with_nothing_old_nothing_is_written(tmp_path: Path) -> None:
    store = make(tmp_path / "ledger.db")
    before = store.verify()
    assert prune(store, older_than=NOW - DAY, at=NOW) == 0
    assert store.verify() == before
    store.close()


def test_the_last_known_good_outlives_the_row_that_told_of_it(tmp_path: Path) -> None:
    store = Ledger.open(tmp_path / "ledger.db")
    row = {"kind": "Service", "namespace": "shop", "name": "web", "version": "7", "manifest": {"spec": {}}}
    store.record([Entry(SystemEvent.LAST_GOOD, row)], at=NOW)
    prune(store, older_than=HORIZON, at=LATER)
    assert known_good(store, ObjectRef("Service", "shop", "web", "")) == ({"spec": {}}, "7")
    store.close()


def test_readers_that_cache_are_told_of_a_pruning(tmp_path: Path) -> None:
    store = make(tmp_path / "ledger.db")
    before = store.writes
    prune(store, older_than=HORIZON, at=LATER)
    assert store.writes > before
    store.close()


def test_a_copy_made_while_rows_are_written_verifies_and_is_a_part_of_the_chain(tmp_path: Path) -> None:
    store = make(tmp_path / "ledger.db")
    done = threading.Event()

    def writing() -> None:
        while not done.is_set():
            store.open_case(KEY, OPENED, at=NOW)

    writer = threading.Thread(target=writing)
    writer.start()
    try:
        for number in range(5):
            backup(store, tmp_path / f"copy{number}.db")
    finally:
        done.set()
        writer.join()
    for number in range(5):
        copied = Ledger.open_read_only(tmp_path / f"copy{number}.db")
        report = copied.verify()
        assert report.intact
        assert report.rows >= 24
        assert store.has_hash(report.head)
        copied.close()
    store.close()


def test_a_copy_is_for_its_owner_only_and_never_replaces_a_file(tmp_path: Path) -> None:
    store = make(tmp_path / "ledger.db")
    target = tmp_path / "copy.db"
    (tmp_path / "copy.db.partial").write_text("left by a backup that was killed")
    backup(store, target)
    assert stat.S_IMODE(target.stat().st_mode) == 0o600
    with pytest.raises(StoreError, match="never overwritten"):
        backup(store, target)
    assert sorted(path.name for path in tmp_path.glob("copy*")) == ["copy.db"]
    store.close()


def test_a_copy_to_a_folder_that_is_not_there_says_so_and_leaves_nothing(tmp_path: Path) -> None:
    store = make(tmp_path / "ledger.db")
    with pytest.raises(StoreError, match="check the folder"):
        backup(store, tmp_path / "nowhere" / "copy.db")
    assert not (tmp_path / "nowhere").exists()
    store.close()


def test_a_copy_can_be_restored_and_written_to(tmp_path: Path) -> None:
    store = make(tmp_path / "ledger.db")
    backup(store, tmp_path / "copy.db")
    store.close()
    restored = Ledger.open(tmp_path / "copy.db")
    restored.record(healed("new-1"), at=LATER)
    assert restored.verify().intact
    restored.close()
