"""What look keeps of the ledger is what the ledger says, whatever was recorded between two reads."""

from __future__ import annotations

import random
from pathlib import Path

from daemon.casebook import CaseBook
from detectors.model import CaseKey
from remediation.saga import Event, State
from store.ledger import Entry, Ledger
from store.queries import find_cases
from store.retention import prune
from tests.store.lives import NOW, OPENED


def newest(store: Ledger) -> dict[CaseKey, tuple[int, State, float]]:
    found: dict[CaseKey, tuple[int, State, float]] = {}
    for row in sorted(find_cases(store, limit=10_000), key=lambda row: row.opening):
        found[row.key] = (row.opening, row.state, row.updated_at)
    return found


def kept(book: CaseBook) -> dict[CaseKey, tuple[int, State, float]]:
    return {key: (row.opening, row.state, row.updated_at) for key, row in book.rows.items()}


def test_the_book_is_the_newest_opening_of_every_key_after_any_sequence_of_writes(tmp_path: Path) -> None:
    store, chance = Ledger.open(tmp_path / "ledger.db"), random.Random(7)
    book = CaseBook(store)
    keys = [CaseKey("intent", "Deployment", "shop", f"web-{number}") for number in range(5)]
    open_now: dict[CaseKey, str] = {}
    for step in range(200):
        key = chance.choice(keys)
        if key not in open_now:
            open_now[key] = str(store.open_case(key, OPENED, at=NOW + step))
        elif chance.random() < 0.5:
            ended = Entry(Event.CLOSED, {"outcome": "abandoned"}, open_now.pop(key))
            store.record([ended], at=NOW + step)
        if chance.random() < 0.3:
            assert kept(book) == newest(store)
    assert kept(book) == newest(store)
    store.close()


def test_a_case_whose_rows_were_pruned_is_known_to_a_new_book_and_to_an_old_one(tmp_path: Path) -> None:
    store = Ledger.open(tmp_path / "ledger.db")
    before = CaseBook(store)
    key = CaseKey("intent", "Deployment", "shop", "web")
    case = store.open_case(key, OPENED, at=NOW)
    store.record([Entry(Event.CLOSED, {"outcome": "abandoned"}, str(case))], at=NOW)
    assert before.rows[key].state is State.CLOSED
    assert prune(store, older_than=NOW + 1, at=NOW + 2) == 2
    after = CaseBook(store)
    assert before.rows[key] == after.rows[key]
    assert after.rows[key].state is State.CLOSED
    store.close()
