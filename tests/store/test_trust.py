"""Who agreed to what, as the store keeps it: across versions, restarts and the end of a case."""

import sqlite3
from contextlib import closing

import pytest

from intents.model import Mode
from remediation.autonomy import earned
from remediation.saga import Event
from store.chain import GENESIS, canonical, row_hash
from store.decisions import active_grants, approvals_of, decisions, record_of, was_approved
from store.ledger import Entry, Ledger
from store.migrations import m0001_ledger
from store.projection import SystemEvent
from tests.store.lives import NOW, WRITTEN, fill, healed, move, opened

GRANT = {"fault_class": "*", "weights": "*", "mode": "auto", "until": None, "reason": "r", "by": "ann"}


@pytest.fixture
def store(tmp_path):
    store = Ledger.open(tmp_path / "ledger.db")
    yield store
    store.close()


def trusted(store):
    return earned(decisions(store), fault_class="ImagePull", weights="", now=NOW)


def lost(case):
    return [opened(case, case), *(move(event, case) for event in (*WRITTEN, Event.NOT_HELD))]


def test_a_ledger_of_before_keeps_its_grants_and_a_demotion_is_newer_than_they_are(tmp_path):
    """Its rows have no number; they are all older than whatever comes now."""
    path = tmp_path / "ledger.db"
    with closing(sqlite3.connect(path)) as connection:
        for statement in m0001_ledger.STATEMENTS:
            connection.execute(statement)
        connection.execute("PRAGMA user_version = 1")
        text = canonical(GRANT)
        row = (1, NOW, None, "autonomy-granted", text, GENESIS)
        connection.execute(
            "INSERT INTO ledger VALUES (?, ?, ?, ?, ?, ?, ?)",
            (*row, row_hash(GENESIS, 1, NOW, None, "autonomy-granted", text)),
        )
        connection.execute("INSERT INTO grants VALUES ('*', '*', 'auto', NULL, 'r', 'ann', ?)", (NOW,))
        connection.commit()
    store = Ledger.open(path)
    assert store.verify().intact
    assert trusted(store) is Mode.AUTO
    assert [grant.granted_by for grant in active_grants(store, NOW)] == ["ann"]
    store.record(lost("case0-1"), at=NOW)
    assert trusted(store) is Mode.PROPOSE
    store.close()


def test_approvals_are_kept_as_long_as_their_plan_stands(store):
    store.record([opened("c-1"), *(move(event, "c-1") for event in WRITTEN[:3])], at=NOW)
    for who in ("ann", "bob", "ann"):
        store.record([move(Event.APPROVED, "c-1", by=who)], at=NOW)
    assert [one.by for one in approvals_of(store, "c-1")] == ["ann", "bob", "ann"]
    store.record([move(Event.STALE, "c-1")], at=NOW)
    assert approvals_of(store, "c-1") == ()


def test_approvals_do_not_outlive_their_case(store):
    steps = [move(event, "c-1") for event in WRITTEN[:3]]
    store.record([opened("c-1"), *steps, move(Event.APPROVED, "c-1"), move(Event.REJECTED, "c-1")], at=NOW)
    assert approvals_of(store, "c-1") == ()


def test_a_write_remembers_whether_people_had_approved_it(store):
    for case, approved in (("a-1", True), ("b-1", False)):
        written = [move(event, case, approved=approved) for event in WRITTEN]
        store.record([opened(case, case), *written, move(Event.HELD, case)], at=NOW)
        assert was_approved(store, f"{case}.1") is approved
    assert record_of(store, "ImagePull", "").successes == 1


@pytest.mark.parametrize("outcome", ["self-resolved", "masked", "escalated"])
def test_only_what_was_fixed_is_a_success(store, outcome):
    store.record([*healed("a-1")[:-1], move(Event.HELD, "a-1", outcome=outcome)], at=NOW)
    assert record_of(store, "ImagePull", "").successes == 0


def test_a_promotion_whose_successes_were_lost_meanwhile_promotes_nothing(store):
    fill(store, 3)
    row = {"fault_class": "ImagePull", "weights": "", "successes": 3, "case": "case2-1"}
    store.record(lost("late-1"), at=NOW)  # between the proof and the row of the promotion
    store.record([Entry(SystemEvent.PROMOTED, row)], at=NOW)
    assert trusted(store) is Mode.PROPOSE


def test_a_write_that_never_happened_is_known_as_refused(store):
    from store.queries import changes_since

    store.record([opened("a-1"), *(move(event, "a-1") for event in WRITTEN[:5])], at=NOW)
    store.record([move(Event.APPLY_FAILED, "a-1")], at=NOW)
    assert [change.result for change in changes_since(store, 0.0)] == ["refused"]
