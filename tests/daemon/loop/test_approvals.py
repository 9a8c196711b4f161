"""Approvals from the proposal to the write: who counts, for what, and for how long."""

import pytest

from daemon.commands import Commands
from daemon.control import CommandError, shared_accounts
from daemon.rounds import read_catalog
from remediation.saga import Event, IllegalMove, State
from store.decisions import approvals_of
from store.ledger import Entry
from store.queries import changes_since, find_cases, last_step, steps
from tests.fakes.meanwhile import EventfulRig
from tests.fakes.rig import BAD, GOOD, INTENT

TWO = INTENT.replace("mode: auto", "mode: auto\n  approvals: 2")


def proposed(tmp_path, intent=INTENT, **settings):
    """A rig with a proposal that waits for people, the orders to it and its case."""
    rig = EventfulRig(tmp_path, intent, grant=False, **settings)
    rig.turn(8)
    rig.set_image(BAD)
    case = rig.until(State.PROPOSED)
    rig.turn(2)
    return rig, Commands(rig.world, rig.memory), case


def approve(orders, case, who, digest=None):
    return orders("approve", {"case": case.case_id, "digest": digest or case.digest[:12]}, who)


def approvers(rig, case):
    return [step.payload["by"] for step in steps(rig.store, case.case_id) if step.event == Event.APPROVED]


def newest(rig):
    return find_cases(rig.store)[0]


# ---------------------------------------------------------------- how many, and who


@pytest.mark.parametrize(("intent", "settings"), [(TWO, {}), (INTENT, {"approvals": 2})])
def test_where_two_have_to_agree_one_is_not_enough_and_another_one_is(tmp_path, intent, settings):
    rig, orders, case = proposed(tmp_path, intent, **settings)
    told = approve(orders, case, "alice")
    assert (told["missing"], told["approved_until"], told["approved_by"]) == (1, None, ["alice"])
    rig.turn(20)
    assert rig.image == BAD
    assert approve(orders, case, "bob")["missing"] == 0
    assert rig.until(State.CLOSED).outcome == "fixed"
    assert rig.image == GOOD
    begun = last_step(rig.store, case.case_id, Event.APPLY_STARTED)
    (mode,) = (verdict for verdict in begun.payload["verdicts"] if verdict["guard"] == "mode")
    assert (mode["reason"], mode["inputs"]["approved_by"]) == ("Approved", ["alice", "bob"])
    assert mode["inputs"]["approvals_needed"] == 2


def test_one_person_twice_is_one_person(tmp_path):
    rig, orders, case = proposed(tmp_path, TWO)
    for _ in range(3):
        assert approve(orders, case, "alice")["missing"] == 1
    rig.turn(20)
    assert rig.image == BAD
    assert approvers(rig, case) == ["alice"] * 3  # every word of hers stays in the ledger


def test_an_account_that_many_share_is_not_a_second_person(tmp_path):
    rig, orders, case = proposed(tmp_path, TWO)
    approve(orders, case, "alice")
    for shared in shared_accounts():
        with pytest.raises(CommandError, match="approve it as yourself, without sudo"):
            approve(orders, case, shared)
    rig.turn(20)
    assert (rig.image, approvers(rig, case)) == (BAD, ["alice"])


def test_an_approval_by_root_counts_no_longer_once_two_people_are_asked_for(tmp_path):
    rig, orders, case = proposed(tmp_path)
    rig.world.settings.kill_switch.touch()
    assert approve(orders, case, "root")["missing"] == 0
    rig.source.write("web.yaml", TWO.encode())
    read_catalog(rig.world, rig.memory, rig.source)
    approve(orders, case, "alice")
    rig.world.settings.kill_switch.unlink()
    rig.turn(20)
    assert rig.image == BAD


def test_the_operator_and_the_intent_can_both_ask_for_more(tmp_path):
    rig, orders, case = proposed(tmp_path, TWO, approvals=3)
    assert [approve(orders, case, who)["missing"] for who in ("alice", "bob")] == [2, 1]
    rig.turn(10)
    assert rig.image == BAD
    approve(orders, case, "carol")
    assert rig.until(State.CLOSED).outcome == "fixed"


# ---------------------------------------------------------------- how long


def test_after_its_end_an_approval_allows_nothing(tmp_path):
    rig, orders, case = proposed(tmp_path)
    rig.world.settings.kill_switch.touch()
    approve(orders, case, "alice")
    rig.clock.advance(3601)
    rig.world.settings.kill_switch.unlink()
    rig.turn(20)
    assert rig.image == BAD
    assert approve(orders, case, "alice")["missing"] == 0
    assert rig.until(State.CLOSED).outcome == "fixed"


def test_two_approvals_that_never_stood_together_are_not_two(tmp_path):
    rig, orders, case = proposed(tmp_path, TWO)
    approve(orders, case, "alice")
    rig.clock.advance(3601)
    assert approve(orders, case, "bob")["missing"] == 1
    rig.turn(20)
    assert rig.image == BAD


def test_an_approval_survives_a_restart(tmp_path):
    rig, orders, case = proposed(tmp_path, TWO)
    approve(orders, case, "alice")
    rig.restart()
    rig.turn(2)
    assert approve(Commands(rig.world, rig.memory), case, "bob")["missing"] == 0
    assert rig.until(State.CLOSED).outcome == "fixed"


# ---------------------------------------------------------------- for what


def test_from_the_proposal_to_the_write_it_is_one_digest_and_one_change(tmp_path):
    rig, orders, case = proposed(tmp_path)
    approve(orders, case, "alice")
    rig.until(State.CLOSED)
    digests = {
        step.event: step.payload["digest"]
        for step in steps(rig.store, case.case_id)
        if "digest" in step.payload
    }
    assert {Event.PLANNED, Event.GUARDED, Event.APPROVED, Event.APPLY_STARTED} <= digests.keys()
    assert set(digests.values()) == {case.digest}
    rehearsed, done = rig.cluster.dry_runs[-1].live, rig.cluster.written[-1].live
    assert rehearsed["spec"] == done["spec"]


def test_an_approval_of_an_object_whose_field_changed_since_is_refused_with_the_reason(tmp_path):
    rig, orders, case = proposed(tmp_path)
    rig.set_image("shop/web:1.6x")
    with pytest.raises(CommandError, match=r"containers\[name=app\]\.image of Deployment/web changed since"):
        approve(orders, case, "alice")
    assert approvers(rig, case) == []
    rig.turn(20)
    assert rig.image == "shop/web:1.6x"


def test_another_field_of_the_object_voids_nothing(tmp_path):
    rig, orders, case = proposed(tmp_path)
    live = rig.cluster.object("Deployment", "shop", "web")
    live["metadata"].setdefault("annotations", {})["note"] = "seen"
    rig.cluster.put(live)
    approve(orders, case, "alice")
    assert rig.until(State.CLOSED).outcome == "fixed"


def test_an_approval_of_an_object_that_is_gone_or_made_anew_is_refused(tmp_path):
    rig, orders, case = proposed(tmp_path)
    live = rig.cluster.object("Deployment", "shop", "web")
    rig.cluster.remove("Deployment", "shop", "web")
    with pytest.raises(CommandError, match="was deleted since this was proposed"):
        approve(orders, case, "alice")
    live["metadata"].pop("uid")
    rig.cluster.put(live | {"metadata": live["metadata"] | {"uid": "another"}})
    with pytest.raises(CommandError, match="deleted and created anew"):
        approve(orders, case, "alice")
    assert approvers(rig, case) == []


def test_what_cannot_be_read_cannot_be_approved(tmp_path):
    rig, orders, case = proposed(tmp_path)
    rig.cluster.forbid("Deployment")
    with pytest.raises(CommandError, match="could not be read"):
        approve(orders, case, "alice")
    assert approvers(rig, case) == []


def test_a_stale_digest_is_refused_and_approvals_of_the_old_plan_do_not_pass_to_the_new(tmp_path):
    rig, orders, case = proposed(tmp_path, TWO)
    approve(orders, case, "alice")
    rig.set_image("shop/web:1.6x")
    rig.turn(10)
    after = newest(rig)
    assert (after.case_id, after.state) == (case.case_id, State.PROPOSED)
    with pytest.raises(CommandError, match="not the digest of the plan that stands now"):
        approve(orders, case, "bob")
    assert approve(orders, after, "bob")["missing"] == 1
    rig.turn(20)
    assert rig.image == "shop/web:1.6x"


def test_going_back_to_a_plan_that_was_approved_before_asks_again(tmp_path):
    """The same digest, but not the same review: in between the object was something else."""
    rig, orders, case = proposed(tmp_path, TWO)
    approve(orders, case, "alice")
    rig.set_image("shop/web:1.6x")
    rig.turn(10)
    rig.set_image(BAD)
    rig.turn(10)
    again = newest(rig)
    assert again.digest == case.digest
    assert approvals_of(rig.store, case.case_id) == ()
    assert approve(orders, again, "bob")["missing"] == 1


@pytest.mark.parametrize("event", [Event.APPROVED, Event.APPLY_STARTED])
def test_the_ledger_itself_takes_no_row_for_a_plan_that_does_not_stand(tmp_path, event):
    rig, _, case = proposed(tmp_path)
    begun = {"operation_id": "x", "target": {}, "touched": []}
    row = {"digest": "0" * 64, "by": "alice", "until": rig.clock.now() + 60, **begun}
    with pytest.raises(IllegalMove, match="another plan"):
        rig.store.record([Entry(event, row, case.case_id)], at=rig.clock.now())
    assert newest(rig).state is State.PROPOSED


# ---------------------------------------------------------------- between dry run and write


def test_a_second_approval_that_arrives_during_the_dry_run_makes_no_second_write(tmp_path):
    rig, orders, case = proposed(tmp_path)
    rig.during_the_dry_run(lambda: approve(orders, case, "bob"))
    approve(orders, case, "alice")
    assert rig.until(State.CLOSED).outcome == "fixed"
    assert len(rig.cluster.written) == len(changes_since(rig.store, 0.0)) == 1
    assert approvers(rig, case) == ["alice", "bob"]


def test_an_approval_that_ends_during_the_dry_run_allows_no_write(tmp_path):
    rig, orders, case = proposed(tmp_path)
    rig.during_the_dry_run(lambda: rig.clock.step_wall(3601))
    approve(orders, case, "alice")
    rig.turn(20)
    assert (rig.image, rig.cluster.written) == (BAD, [])
    assert Event.APPLY_STARTED not in rig.events(case.case_id)


def test_an_intent_that_asks_for_two_people_during_the_dry_run_gets_them(tmp_path):
    rig, orders, case = proposed(tmp_path)

    def more_people():
        rig.source.write("web.yaml", TWO.encode())
        read_catalog(rig.world, rig.memory, rig.source)

    rig.during_the_dry_run(more_people)
    approve(orders, case, "alice")
    rig.turn(20)
    assert rig.cluster.written == []
    approve(orders, case, "bob")
    assert rig.until(State.CLOSED).outcome == "fixed"


def test_a_field_that_changes_during_the_dry_run_voids_the_approval(tmp_path):
    rig, orders, case = proposed(tmp_path)
    rig.during_the_dry_run(lambda: rig.set_image("shop/web:1.6x"))
    approve(orders, case, "alice")
    rig.turn(20)
    assert (rig.image, rig.cluster.written) == ("shop/web:1.6x", [])


@pytest.mark.parametrize("by", ["approval", "grant"])
def test_a_rejection_during_the_dry_run_is_the_end_of_it_and_the_loop_lives_on(tmp_path, by):
    rig = EventfulRig(tmp_path, grant=by == "grant")
    rig.turn(8)
    orders = Commands(rig.world, rig.memory)
    rig.during_the_dry_run(lambda: orders("reject", {"case": newest(rig).case_id, "reason": "no"}, "bob"))
    rig.set_image(BAD)
    if by == "approval":
        approve(orders, rig.until(State.PROPOSED), "alice")
    rig.turn(5)
    found = newest(rig)
    assert (found.outcome, rig.image, rig.cluster.written) == ("refused", BAD, [])
    assert found.outcome_reason == "rejected by bob: no"
    rig.turn(5)
    assert rig.store.verify().intact


def test_a_rejection_after_the_write_began_says_not_now(tmp_path):
    rig, orders, case = proposed(tmp_path)
    refused = []

    def reject():
        with pytest.raises(CommandError, match="not now") as error:
            orders("reject", {"case": case.case_id, "reason": "no"}, "bob")
        refused.append(error)

    rig.once_recorded(Event.APPLY_STARTED, reject)
    approve(orders, case, "alice")
    assert rig.until(State.CLOSED).outcome == "fixed"
    assert refused
