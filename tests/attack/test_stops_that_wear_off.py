"""Limits that a clock, a second order or another object could have ended early."""

import pytest

from daemon.approvals import agreement_of
from daemon.commands import Commands
from daemon.control import shared_accounts
from daemon.guard_inputs import surroundings
from intents.model import Freeze, Mode
from remediation.autonomy import earned
from remediation.guards import Limits
from remediation.saga import Event, State
from store.decisions import decisions
from store.ledger import Entry
from store.projection import SystemEvent
from store.queries import active_pauses
from tests.fakes.rig import BAD, GOOD, INTENT, Rig
from tests.remediation.guards.ground import app, plan_for

DAY = 86400.0


def test_a_budget_of_sixty_days_remembers_for_sixty_days(tmp_path):
    rig = Rig(tmp_path, INTENT.replace("cooldown: 1m", "cooldown: 1m\n  budget: {changes: 1, per: 60d}"))
    rig.turn(5)
    rig.set_image(BAD)
    assert rig.until(State.CLOSED).outcome == "fixed"
    rig.clock.advance(45 * DAY)
    rig.turn(5)
    rig.set_image("shop/web:1.6x")
    rig.until(State.PROPOSED)
    rig.turn(20)
    assert (rig.image, len(rig.cluster.written)) == ("shop/web:1.6x", 1)


@pytest.mark.parametrize(
    ("freeze", "first", "after"),
    [
        # Clocks in Berlin went back at 03:00 CEST (01:00 UTC): half past two came twice.
        ({"from": "2025-10-26T02:30", "until": "2025-10-27T00:00"}, "2025-10-26T00:30", "2025-10-26T23:00"),
        ({"from": "2025-10-25T00:00", "until": "2025-10-26T02:30"}, "2025-10-24T22:00", "2025-10-26T01:30"),
        # And forth at 02:00 CET (01:00 UTC): half past two never came.
        ({"from": "2025-03-30T02:30", "until": "2025-03-31T00:00"}, "2025-03-30T00:30", "2025-03-30T22:00"),
    ],
    ids=["begins in the hour that comes twice", "ends in it", "begins in the hour that does not come"],
)
def test_where_clocks_change_a_freeze_lasts_as_long_as_its_words_can_mean(tmp_path, freeze, first, after):
    from datetime import UTC, datetime

    rig = Rig(tmp_path)
    wanted = Freeze.model_validate({**freeze, "timeZone": "Europe/Berlin", "reason": "holidays"})
    found = surroundings(
        rig.world, Limits(freezes=(wanted,)), plan_for(app(image="shop/web:1.4")), None, None
    )
    assert found.freezes[wanted] == tuple(
        datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp() for text in (first, after)
    )


def decide(store, event, at, **said):
    row = {"fault_class": "*", "weights": "*", "reason": "test", "by": "ann", "people": 1} | said
    store.record([Entry(event, row)], at=at)


def mode_of(store, now, fault_class="ImagePull"):
    return earned(decisions(store), fault_class=fault_class, weights="sha256:w", now=now)


def test_a_grant_for_an_hour_does_not_wipe_out_the_revocation_before_it(tmp_path):
    store = Rig(tmp_path, grant=False).store
    decide(store, SystemEvent.GRANTED, 1.0, mode="auto", until=None)
    decide(store, SystemEvent.REVOKED, 2.0, fault_class="ImagePull")
    decide(store, SystemEvent.GRANTED, 3.0, fault_class="ImagePull", mode="auto", until=3600.0)
    assert mode_of(store, 10.0) is Mode.AUTO
    assert mode_of(store, 3601.0) is Mode.PROPOSE
    assert mode_of(store, 3601.0, "OOMKilled") is Mode.AUTO
    decide(store, SystemEvent.GRANTED, 3602.0, fault_class="ImagePull", mode="propose", until=7200.0)
    assert mode_of(store, 7201.0) is Mode.PROPOSE


def test_a_grant_that_waits_for_another_person_until_it_ends_does_not_either(tmp_path):
    store = Rig(tmp_path, grant=False).store
    decide(store, SystemEvent.GRANTED, 1.0, mode="auto", until=None)
    decide(store, SystemEvent.REVOKED, 2.0, fault_class="ImagePull")
    waits = {"fault_class": "ImagePull", "mode": "auto", "people": 2, "until": 3600.0}
    decide(store, SystemEvent.GRANTED, 3.0, **waits)
    assert mode_of(store, 3601.0) is Mode.PROPOSE
    decide(store, SystemEvent.GRANTED, 3602.0, **waits | {"until": 7200.0})
    decide(store, SystemEvent.GRANTED, 3603.0, **waits | {"until": 7200.0, "by": "bob"})
    assert mode_of(store, 3604.0) is Mode.AUTO
    assert mode_of(store, 7201.0) is Mode.PROPOSE


def test_a_grant_without_an_end_is_the_last_word(tmp_path):
    store = Rig(tmp_path, grant=False).store
    decide(store, SystemEvent.REVOKED, 2.0, fault_class="ImagePull")
    decide(store, SystemEvent.GRANTED, 3.0, fault_class="ImagePull", mode="auto", until=None)
    assert mode_of(store, 10 * DAY) is Mode.AUTO


def test_a_short_pause_does_not_end_a_long_one_early(tmp_path):
    store = Rig(tmp_path).store
    for at, by, until in ((10.0, "ann", 30_000.0), (20.0, "bob", 600.0)):
        row = {"scope": "all", "reason": "work", "by": by, "until": until}
        store.record([Entry(SystemEvent.PAUSED, row)], at=at)
    assert [pause.until for pause in active_pauses(store, 1000.0)] == [30_000.0]
    longer = {"scope": "all", "reason": "more work", "by": "bob", "until": 40_000.0}
    store.record([Entry(SystemEvent.PAUSED, longer)], at=1000.0)
    assert [(pause.by, pause.until) for pause in active_pauses(store, 35_000.0)] == [("bob", 40_000.0)]


def test_a_clock_that_is_set_forward_ends_no_pause_early(tmp_path):
    rig = Rig(tmp_path)
    rig.turn(5)
    orders = Commands(rig.world, rig.memory)
    orders("pause", {"scope": "all", "reason": "work", "for": "2m"}, "ann")
    rig.clock.step_wall(30 * DAY)
    rig.set_image(BAD)
    rig.turn(110)
    assert (rig.image, len(orders("status", {}, "ann")["pauses"])) == (BAD, 1)
    rig.turn(30)
    assert (rig.image, orders("status", {}, "ann")["pauses"]) == (GOOD, [])


def test_a_clock_that_is_set_back_ends_no_pause_early_either(tmp_path):
    rig = Rig(tmp_path)
    rig.turn(5)
    Commands(rig.world, rig.memory)("pause", {"scope": "all", "reason": "work", "for": "2m"}, "ann")
    rig.clock.step_wall(-60.0)
    rig.set_image(BAD)
    rig.turn(170)
    assert rig.image == BAD


def test_a_pause_that_was_over_before_a_restart_is_over(tmp_path):
    rig = Rig(tmp_path)
    rig.turn(5)
    Commands(rig.world, rig.memory)("pause", {"scope": "all", "reason": "work", "for": "2m"}, "ann")
    rig.clock.step_wall(DAY)
    rig.restart()
    rig.turn(8)
    rig.set_image(BAD)
    assert rig.until(State.CLOSED).outcome == "fixed"


def test_accounts_that_many_share_are_known_by_number_too():
    """The names are asked of a directory that may be away: then root is `uid:0` to the socket."""
    assert "uid:0" in shared_accounts()


def test_nobody_is_two_people_because_the_directory_forgot_a_name_for_a_moment(tmp_path):
    rig = Rig(tmp_path, grant=False, approvals=2)
    rig.turn(5)
    rig.set_image(BAD)
    case = rig.until(State.PROPOSED)
    for who in ("alice", "uid:1000"):  # the same person, before and after
        said = {"digest": case.digest, "by": who, "until": rig.clock.now() + 600}
        rig.store.record([Entry(Event.APPROVED, said, case.case_id)], at=rig.clock.now())
    assert agreement_of(rig.world, case, None, rig.clock.now()).by == ("alice",)
    rig.turn(10)
    assert rig.image == BAD


def test_the_rig_mends_where_nothing_holds_it_back(tmp_path):
    rig = Rig(tmp_path)
    rig.turn(5)
    rig.set_image(BAD)
    rig.until(State.CLOSED)
    assert rig.image == GOOD
