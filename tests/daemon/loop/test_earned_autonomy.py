"""Trust is earned by approved changes that hold and lost by one that does not, for one fault class and weights."""

import pytest

from daemon.autonomy import levels, with_promotion
from daemon.commands import Commands
from daemon.control import CommandError, shared_accounts
from intents.model import Mode
from remediation.autonomy import earned
from remediation.saga import Event, State
from store.decisions import active_grants, decisions, record_of
from store.ledger import Entry
from store.projection import SystemEvent, rebuild
from store.queries import find_cases, newest_steps
from tests.fakes.meanwhile import EventfulRig
from tests.fakes.rig import BAD, GOOD, INTENT

FAKE = "sha256:fake"
EAGER = INTENT.replace("cooldown: 1m", "cooldown: 0s\n  budget: {changes: 100, per: 1h}")


def rig_of(tmp_path, intent=EAGER, *, needed=3, **settings):
    more = {"limits": {"ineffective_changes": 100}, **settings}  # one fault an hour is not what this is about
    rig = EventfulRig(tmp_path, intent, grant=False, autonomy={"promote_after": needed}, **more)
    rig.turn(8)
    return rig, Commands(rig.world, rig.memory)


def broken(rig):
    """A new fault, until intentd proposes its cure or goes on by itself; answers the case."""
    rig.clock.advance(3600)
    rig.turn(2)
    rig.set_image(BAD)
    case = rig.until(State.PROPOSED, State.VERIFYING)
    rig.turn(2)
    return find_cases(rig.store)[0] if case.state is State.PROPOSED else case


def approved_and_held(rig, orders, times=1):
    for _ in range(times):
        case = broken(rig)
        assert case.state is State.PROPOSED
        orders("approve", {"case": case.case_id, "digest": case.digest}, "alice")
        assert rig.until(State.CLOSED).outcome == "fixed"
        rig.turn(5)


def trusted(rig, fault_class="ImagePull", weights=FAKE):
    return earned(decisions(rig.store), fault_class=fault_class, weights=weights, now=rig.clock.now())


def grant(orders, **more):
    return orders("grant", {"fault_class": "ImagePull", "reason": "good proposals", **more}, "alice")


# ---------------------------------------------------------------- earned


def test_so_many_approved_changes_that_held_and_the_next_one_is_made_without_asking(tmp_path):
    rig, orders = rig_of(tmp_path)
    approved_and_held(rig, orders, 2)
    assert trusted(rig) is Mode.PROPOSE
    approved_and_held(rig, orders, 1)
    assert trusted(rig) is Mode.AUTO
    assert "intentd may mend ImagePull by itself" in [notice.title for notice in rig.notifier.sent]
    (row,) = (step for step in newest_steps(rig.store, limit=500) if step.event == SystemEvent.PROMOTED)
    assert (row.payload["fault_class"], row.payload["weights"], row.payload["successes"]) == (
        "ImagePull", FAKE, 3,
    )  # fmt: skip
    broken(rig)
    assert rig.until(State.CLOSED).outcome == "fixed"
    assert rig.image == GOOD


def test_what_was_earned_by_one_class_and_weights_is_no_other_ones(tmp_path):
    rig, orders = rig_of(tmp_path, needed=1)
    approved_and_held(rig, orders)
    assert trusted(rig, "OOMKilled") is Mode.PROPOSE
    assert trusted(rig, weights="sha256:newer") is Mode.PROPOSE
    rig.model.digest = "sha256:newer"
    case = broken(rig)
    rig.turn(20)
    assert (find_cases(rig.store)[0].state, rig.image) == (State.PROPOSED, BAD)
    assert case.weights == "sha256:newer"


def test_changes_that_nobody_approved_earn_nothing(tmp_path):
    rig, orders = rig_of(tmp_path, needed=1)
    grant(orders)
    broken(rig)
    assert rig.until(State.CLOSED).outcome == "fixed"
    assert record_of(rig.store, "ImagePull", FAKE).successes == 0


def test_zero_means_that_nothing_is_promoted(tmp_path):
    rig, orders = rig_of(tmp_path, needed=0)
    approved_and_held(rig, orders, 2)
    assert trusted(rig) is Mode.PROPOSE
    assert record_of(rig.store, "ImagePull", FAKE).successes == 2


def test_an_earned_level_survives_a_restart_and_follows_from_the_rows_alone(tmp_path):
    rig, orders = rig_of(tmp_path, needed=1)
    approved_and_held(rig, orders)
    rig.restart()
    before = decisions(rig.store)
    with rig.store.transaction() as connection:
        rebuild(connection)
    assert decisions(rig.store) == before
    assert trusted(rig) is Mode.AUTO


def test_the_intent_and_the_operator_stay_above_what_was_earned(tmp_path):
    for name, intent, settings in (
        ("intent", EAGER.replace("mode: auto", "mode: propose"), {}),
        ("operator", EAGER, {"limits": {"mode": "propose"}}),
    ):
        rig, orders = rig_of(tmp_path / name, intent, needed=1, **settings)
        approved_and_held(rig, orders)
        assert trusted(rig) is Mode.AUTO
        broken(rig)
        rig.turn(20)
        assert (find_cases(rig.store)[0].state, rig.image) == (State.PROPOSED, BAD)


# ---------------------------------------------------------------- lost


def not_held(rig, _orders):
    rig.works.clear()
    broken(rig)
    assert rig.until(State.CLOSED).outcome == "rolled-back"
    rig.works.add(GOOD)


def taken_back_by_a_person(rig, orders):
    case = broken(rig)
    assert rig.until(State.CLOSED).outcome == "fixed"
    orders("undo", {"case": case.case_id}, "alice")
    rig.until(State.CLOSED)


def proposal_rejected(rig, orders):
    orders("pause", {"scope": "all", "reason": "let me see", "for": "2h"}, "alice")
    case = broken(rig)
    orders("reject", {"case": case.case_id, "reason": "wrong cause"}, "alice")
    orders("resume", {"scope": "all"}, "alice")


@pytest.mark.parametrize("lose", [not_held, taken_back_by_a_person, proposal_rejected])
@pytest.mark.parametrize("given", ["earned", "granted for the class", "granted for everything"])
def test_one_that_does_not_hold_or_is_rejected_ends_it_at_once_however_it_was_given(tmp_path, lose, given):
    rig, orders = rig_of(tmp_path, needed=1, human_edit_grace="0s")
    if given == "earned":
        approved_and_held(rig, orders)
    else:
        grant(orders, **({"fault_class": "*", "weights": "*"} if "everything" in given else {}))
    assert trusted(rig) is Mode.AUTO
    lose(rig, orders)
    assert trusted(rig) is Mode.PROPOSE
    assert record_of(rig.store, "ImagePull", FAKE).successes == 0
    if given == "granted for everything":
        assert trusted(rig, "OOMKilled") is Mode.AUTO
    (level,) = (one for one in levels(rig.store, rig.world.settings, rig.clock.now()) if one.weights == FAKE)
    assert (level.mode, level.because) == ("propose", "demoted")


def test_demoted_while_a_change_is_on_its_way_it_is_not_made(tmp_path):
    """Another case of the class is rejected during this one's dry run."""
    rig, orders = rig_of(tmp_path, needed=1)
    grant(orders)
    rig.during_the_dry_run(lambda: orders("revoke", {"fault_class": "ImagePull", "reason": "stop"}, "bob"))
    broken(rig)
    rig.turn(20)
    assert (find_cases(rig.store)[0].state, rig.image, rig.cluster.written) == (State.PROPOSED, BAD, [])


def test_a_person_can_grant_again_after_a_demotion(tmp_path):
    rig, orders = rig_of(tmp_path)
    grant(orders)
    proposal_rejected(rig, orders)
    assert trusted(rig) is Mode.PROPOSE
    grant(orders)
    assert trusted(rig) is Mode.AUTO


def test_a_clock_that_jumps_does_not_make_an_old_grant_newer_than_a_demotion(tmp_path):
    rig, orders = rig_of(tmp_path)
    rig.clock.step_wall(30 * 86400)
    grant(orders)
    rig.clock.step_wall(-30 * 86400)
    proposal_rejected(rig, orders)
    assert trusted(rig) is Mode.PROPOSE


# ---------------------------------------------------------------- what people order


def test_a_grant_without_weights_is_for_those_served_now_and_new_ones_begin_at_propose(tmp_path):
    rig, orders = rig_of(tmp_path)
    assert grant(orders)["weights"] == FAKE
    assert grant(orders, fault_class="*")["weights"] == f"code and {FAKE}"
    assert grant(orders, fault_class="Drift")["weights"] == "code"
    assert trusted(rig) is Mode.AUTO
    assert trusted(rig, weights="sha256:newer") is Mode.PROPOSE


def test_weights_can_be_named_by_their_first_characters(tmp_path):
    rig, orders = rig_of(tmp_path)
    rig.memory.weights = rig.model.digest = "sha256:" + "ab" * 32
    assert grant(orders, weights="abababab")["weights"] == rig.model.digest


def test_a_grant_ends_by_itself(tmp_path):
    rig, orders = rig_of(tmp_path)
    grant(orders, until=rig.clock.now() + 60)
    assert trusted(rig) is Mode.AUTO
    rig.clock.advance(61)
    assert trusted(rig) is Mode.PROPOSE
    with pytest.raises(CommandError, match="ended 1s ago"):
        grant(orders, until=rig.clock.now() - 1)
    with pytest.raises(CommandError, match="not both"):
        grant(orders, until=rig.clock.now() + 9, **{"for": "1h"})


def test_a_revocation_holds_against_a_wider_grant_and_what_was_earned(tmp_path):
    rig, orders = rig_of(tmp_path, needed=1)
    approved_and_held(rig, orders)
    grant(orders, fault_class="*", weights="*")
    told = orders("revoke", {"fault_class": "ImagePull", "reason": "it guessed"}, "bob")
    assert (told["changed"], told["still"]) == (True, ["* (auto)"])
    assert trusted(rig) is trusted(rig, weights="sha256:newer") is Mode.PROPOSE
    assert trusted(rig, "OOMKilled") is Mode.AUTO
    assert record_of(rig.store, "ImagePull", FAKE).successes == 0


def test_the_newest_word_counts_not_the_most_generous(tmp_path):
    rig, orders = rig_of(tmp_path)
    grant(orders, fault_class="*", weights="*")
    grant(orders, mode="propose", **{"for": "1h"})
    assert trusted(rig) is Mode.PROPOSE
    rig.clock.advance(3601)
    assert trusted(rig) is Mode.AUTO  # for an hour only


def test_where_two_people_have_to_agree_one_cannot_grant_alone(tmp_path):
    rig, orders = rig_of(tmp_path, approvals=2)
    for shared in shared_accounts():
        with pytest.raises(CommandError, match="without sudo"):
            orders("grant", {"fault_class": "ImagePull", "reason": "good"}, shared)
    assert grant(orders, until=rig.clock.now() + 900)["missing"] == 1
    assert grant(orders)["missing"] == 1  # alice again
    assert trusted(rig) is Mode.PROPOSE
    (level,) = levels(rig.store, rig.world.settings, rig.clock.now())
    assert (level.mode, level.because, level.waits_for) == ("propose", "auto unconfirmed", 1)
    assert active_grants(rig.store, rig.clock.now()) == ()
    assert orders("grant", {"fault_class": "ImagePull", "reason": "agreed"}, "bob")["missing"] == 0
    assert trusted(rig) is Mode.AUTO
    rig.clock.advance(901)
    assert trusted(rig) is Mode.PROPOSE  # the earlier end of what they said
    grant(orders)
    orders("revoke", {"fault_class": "ImagePull", "reason": "no"}, "bob")  # less needs nobody else
    assert trusted(rig) is Mode.PROPOSE


def test_taking_back_what_nobody_has_leaves_no_row(tmp_path):
    rig, orders = rig_of(tmp_path)
    before = newest_steps(rig.store, limit=1)
    assert not orders("revoke", {"fault_class": "ImagePull", "reason": "to be sure"}, "bob")["changed"]
    assert newest_steps(rig.store, limit=1) == before


def test_while_the_weights_are_not_known_a_grant_names_them(tmp_path):
    from remediation.model import Unusable, UnusableReason

    rig, orders = rig_of(tmp_path)
    rig.model.absent = rig.memory.weights = Unusable(UnusableReason.UNREACHABLE, "connection refused")
    with pytest.raises(CommandError, match=r"connection refused.*--weights"):
        grant(orders)
    assert grant(orders, weights="*")["weights"] == "*"
    assert Event.APPLY_STARTED not in [step.event for step in newest_steps(rig.store)]


def test_a_change_that_was_not_what_mended_it_earns_nothing(tmp_path):
    rig, orders = rig_of(tmp_path, needed=1)
    case = broken(rig)
    orders("approve", {"case": case.case_id, "digest": case.digest}, "alice")
    verifying = rig.until(State.VERIFYING)
    unproven = Entry(
        Event.HELD, {"outcome": "self-resolved", "reason": "its neighbour recovered too"}, case.case_id
    )
    assert with_promotion(rig.world, verifying, unproven) == [unproven]
    proven = Entry(Event.HELD, {"outcome": "fixed", "reason": "not seen for 10 s"}, case.case_id)
    assert len(with_promotion(rig.world, verifying, proven)) == 2
