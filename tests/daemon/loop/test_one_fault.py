"""One broken image through the whole daemon, over fakes and the real ledger."""

from dataclasses import replace

import pytest

from daemon.casebook import CaseBook
from daemon.look import look
from remediation.guards import GUARDS
from remediation.model import Unusable, UnusableReason
from remediation.saga import Event, State
from store.ledger import Entry
from store.projection import SystemEvent
from store.queries import changes_since, find_cases, known_good, last_step, steps
from tests.fakes.cluster import Mishap
from tests.fakes.manifests import waiting
from tests.fakes.model import FakeModel
from tests.fakes.rig import BAD, GOOD, INTENT, Rig


@pytest.fixture
def rig(tmp_path):
    rig = Rig(tmp_path)
    rig.turn(8)  # long enough to have become known good
    return rig


def test_a_broken_image_goes_back_to_the_last_known_good_and_is_proven(rig):
    rig.set_image(BAD)
    case = rig.until(State.CLOSED)
    assert (case.outcome, rig.image) == ("fixed", GOOD)
    assert rig.events(case.case_id) == [
        "opened", "diagnosis-started", "diagnosed", "planned", "guarded", "apply-started", "applied", "held",
    ]  # fmt: skip
    assert len(rig.cluster.written) == 1
    assert rig.store.verify().intact


def test_what_was_fixed_and_breaks_again_while_no_daemon_runs_is_a_new_case(rig):
    rig.set_image(BAD)
    first = rig.until(State.CLOSED)
    rig.turn(400)  # the budgets' and the cool-down's word is another matter
    rig.set_image(BAD)
    rig.restart()  # nobody of this process has seen it whole
    rig.turn(1)
    again = find_cases(rig.store)[0]
    assert again.case_id != first.case_id
    assert again.key == first.key


def test_success_needs_the_whole_window_of_quiet(rig):
    rig.set_image(BAD)
    rig.until(State.VERIFYING)
    rig.turn(8)
    assert find_cases(rig.store)[0].state is State.VERIFYING
    rig.turn(5)
    assert find_cases(rig.store)[0].outcome == "fixed"


def test_a_fault_that_shows_itself_every_minute_must_stay_away_for_two(rig):
    """The intent's window is 10 s, which a container that runs for a minute before it crashes would survive."""
    ended = {"exitCode": 1, "startedAt": "2025-03-01T10:00:00Z", "finishedAt": "2025-03-01T10:01:00Z"}
    rig.broken = lambda image: waiting("CrashLoopBackOff", restarts=3, last=ended)
    rig.set_image(BAD)
    rig.until(State.VERIFYING)
    rig.turn(110)
    assert find_cases(rig.store)[0].state is State.VERIFYING
    rig.turn(20)
    assert find_cases(rig.store)[0].outcome == "fixed"


def test_nothing_is_known_good_before_it_has_lasted(tmp_path):
    rig = Rig(tmp_path)
    rig.turn(2)
    assert known_good(rig.store, rig.cluster.snapshot() and _web()) is None
    rig.turn(4)
    assert known_good(rig.store, _web()) is not None


def _web():
    from detectors.model import ObjectRef

    return ObjectRef("Deployment", "shop", "web")


def test_without_a_grant_a_person_approves_the_very_plan(tmp_path):
    rig = Rig(tmp_path, grant=False)
    rig.turn(8)
    rig.set_image(BAD)
    case = rig.until(State.PROPOSED)
    rig.turn(20)
    assert rig.image == BAD
    assert [notice.title for notice in rig.notifier.sent] == [
        "intentd proposes a change: Deployment/web in shop"
    ]
    approval = {"digest": case.digest, "by": "alice", "until": rig.clock.now() + 600}
    rig.store.record([Entry(Event.APPROVED, approval, case.case_id)], at=rig.clock.now())
    assert rig.until(State.CLOSED).outcome == "fixed"
    assert rig.image == GOOD


def test_a_proposal_is_announced_once_also_after_a_pause(tmp_path):
    rig = Rig(tmp_path, grant=False)
    rig.turn(8)
    rig.set_image(BAD)
    rig.until(State.PROPOSED)
    rig.turn(10)
    pause = {"scope": "all", "reason": "maintenance", "by": "ann", "until": None}
    rig.store.record([Entry(SystemEvent.PAUSED, pause)], at=rig.clock.now())
    rig.turn(10)
    rig.store.record([Entry(SystemEvent.RESUMED, {"scope": "all"})], at=rig.clock.now())
    rig.turn(10)
    titles = [message.title for message in rig.notifier.sent]
    assert len([title for title in titles if "proposes" in title]) == 1


def test_an_approval_that_expired_allows_nothing(tmp_path):
    rig = Rig(tmp_path, grant=False)
    rig.turn(8)
    rig.set_image(BAD)
    case = rig.until(State.PROPOSED)
    late = {"digest": case.digest, "by": "alice", "until": rig.clock.now() - 1}
    rig.store.record([Entry(Event.APPROVED, late, case.case_id)], at=rig.clock.now())
    rig.turn(20)
    assert rig.image == BAD


def test_a_proposal_whose_field_a_person_changed_is_thought_over_again(tmp_path):
    rig = Rig(tmp_path, grant=False)
    rig.turn(8)
    rig.set_image(BAD)
    first = rig.until(State.PROPOSED)
    rig.set_image("shop/web:1.6x")
    rig.turn(10)
    case = find_cases(rig.store)[0]
    assert case.case_id == first.case_id
    assert case.digest != first.digest
    assert "stale" in rig.events(case.case_id)


def test_a_change_that_does_not_hold_is_undone_and_a_person_is_called(rig):
    rig.works.clear()  # nothing works: the registry is gone
    rig.set_image(BAD)
    case = rig.until(State.CLOSED)
    assert case.outcome == "rolled-back"
    assert rig.image == BAD
    assert [change.result for change in changes_since(rig.store, 0)] == ["rolled-back"]
    assert rig.notifier.sent[-1].case == case.case_id


def test_a_change_that_did_not_hold_is_not_made_again(rig):
    rig.works.clear()
    rig.set_image(BAD)
    rig.until(State.CLOSED)
    rig.clock.advance(3600)
    rig.turn(60)
    newest = find_cases(rig.store)[0]
    assert newest.outcome == "escalated"
    assert len(rig.cluster.written) == 2  # the fix and its undo


def test_fields_that_a_person_changed_after_us_are_not_undone(rig):
    rig.works.clear()
    rig.set_image(BAD)
    rig.until(State.VERIFYING)
    rig.set_image("shop/web:2.0x")
    case = rig.until(State.STUCK)
    rig.turn(5)
    assert rig.image == "shop/web:2.0x"
    assert case.outcome is None
    assert "intentd needs you" in rig.notifier.sent[-1].title


def test_what_goes_away_by_itself_is_not_claimed(rig):
    rig.model.absent = Unusable(UnusableReason.UNREACHABLE, "connection refused")
    rig.set_image(BAD)
    rig.turn(5)
    rig.set_image(GOOD)
    case = rig.until(State.CLOSED)
    assert case.outcome == "self-resolved"
    assert rig.cluster.written == []


def test_an_absent_model_is_waited_for_and_then_a_person_is_called(rig):
    rig.model.absent = Unusable(UnusableReason.UNREACHABLE, "connection refused")
    rig.set_image(BAD)
    rig.turn(60)
    assert find_cases(rig.store)[0].state is State.DIAGNOSING
    case = rig.until(State.CLOSED, seconds=700)
    assert case.outcome == "escalated"
    assert "connection refused" in case.outcome_reason


def test_a_question_without_an_answer_is_on_record_once_and_known_until_the_model_answers(rig):
    rig.model.absent = Unusable(UnusableReason.TIMED_OUT, "no answer in 60 s")
    rig.set_image(BAD)
    rig.turn(60)
    case = find_cases(rig.store)[0]
    (row,) = [step for step in steps(rig.store, case.case_id) if step.event == Event.UNUSABLE]
    assert (row.payload["reason"], row.payload["detail"]) == ("TimedOut", "no answer in 60 s")
    assert rig.memory.model_trouble is not None
    rig.model.absent = Unusable(UnusableReason.UNREACHABLE, "connection refused")
    rig.turn(30)
    reasons = [
        step.payload["reason"] for step in steps(rig.store, case.case_id) if step.event == Event.UNUSABLE
    ]
    assert reasons == ["TimedOut", "Unreachable"]
    rig.model.absent = None
    assert rig.until(State.CLOSED).outcome == "fixed"
    assert rig.memory.model_trouble is None


def test_looking_goes_on_and_heals_when_the_model_comes_back(rig):
    rig.model.absent = Unusable(UnusableReason.TIMED_OUT, "no answer in 60 s")
    rig.set_image(BAD)
    rig.turn(60)
    rig.model.absent = None
    assert rig.until(State.CLOSED).outcome == "fixed"


def test_a_model_too_slow_for_one_case_does_not_starve_the_others(tmp_path):
    """Each try takes longer than the pause between two tries, so the first case is always ripe again."""
    rig = Rig(tmp_path, "---".join(INTENT.replace("web-runs", name) for name in ("first", "second", "third")))
    rig.turn(8)

    class Slow(FakeModel):
        def ask(self, question):
            rig.clock.advance(61.0)
            return super().ask(question)

    rig.world = rig.cycle._world = replace(rig.world, model=Slow(), judge=Slow())
    rig.world.model.absent = rig.world.judge.absent = Unusable(UnusableReason.TIMED_OUT, "no answer in 60 s")
    rig.set_image(BAD)
    rig.turn(5)
    assert {row.intent: row.state for row in find_cases(rig.store)} == dict.fromkeys(
        ("first", "second", "third"), State.DIAGNOSING
    )


def test_a_model_that_believes_nothing_leads_to_a_person(rig):
    rig.model.believes = lambda _: 0.02
    rig.set_image(BAD)
    case = rig.until(State.CLOSED)
    assert case.outcome == "escalated"
    assert rig.image == BAD


def test_a_person_is_called_once_for_one_fault(rig):
    rig.model.believes = lambda _: 0.02
    rig.set_image(BAD)
    rig.until(State.CLOSED)
    rig.turn(300)
    assert len(find_cases(rig.store)) == 1
    assert len(rig.notifier.sent) == 1


def test_a_fault_that_comes_again_after_health_is_a_new_case(rig):
    rig.set_image(BAD)
    rig.until(State.CLOSED)
    rig.turn(90)
    rig.set_image("shop/web:1.7x")
    rig.turn(40)
    newest = find_cases(rig.store)[0]
    assert newest.opening == 2
    assert (newest.outcome, rig.image) == ("fixed", GOOD)


def test_the_kill_switch_stops_the_write_and_its_removal_lets_it_through(rig):
    kill = rig.world.settings.kill_switch
    kill.touch()
    rig.set_image(BAD)
    rig.turn(30)
    assert rig.image == BAD
    kill.unlink()
    assert rig.until(State.CLOSED).outcome == "fixed"


def test_the_kill_switch_stops_the_undo_too(rig):
    rig.works.clear()
    rig.set_image(BAD)
    rig.until(State.VERIFYING)
    rig.world.settings.kill_switch.touch()
    rig.turn(120)
    assert rig.image == GOOD
    assert last_step(rig.store, find_cases(rig.store)[0].case_id, Event.NOT_HELD) is not None
    rig.world.settings.kill_switch.unlink()
    assert rig.until(State.CLOSED).outcome == "rolled-back"
    assert rig.image == BAD


def test_an_intent_that_only_observes_changes_nothing_and_says_so(tmp_path):
    rig = Rig(tmp_path, INTENT.replace("mode: auto", "mode: observe"))
    rig.turn(8)
    rig.set_image(BAD)
    case = rig.until(State.CLOSED)
    assert case.outcome == "refused"
    assert rig.cluster.written == []


def test_a_deleted_intent_is_no_longer_enforced(rig):
    rig.model.absent = Unusable(UnusableReason.UNREACHABLE, "connection refused")
    rig.set_image(BAD)
    rig.turn(3)
    rig.source.delete("web.yaml")
    from daemon.rounds import read_catalog

    read_catalog(rig.world, rig.memory, rig.source)
    rig.turn(3)
    assert find_cases(rig.store)[0].outcome == "abandoned"
    assert rig.cluster.written == []


def test_pods_that_cannot_be_read_are_neither_a_violation_nor_a_success(rig):
    rig.set_image(BAD)
    rig.until(State.VERIFYING)
    rig.cluster.forbid("Pod")
    rig.turn(50)
    assert find_cases(rig.store)[0].state is State.VERIFYING
    rig.cluster.gaps.clear()
    assert rig.until(State.CLOSED).outcome == "fixed"


@pytest.mark.parametrize("mishap", [Mishap.LOST_BEFORE, Mishap.LOST_AFTER, Mishap.CONFLICT])
def test_a_write_without_an_answer_takes_effect_once(rig, mishap):
    rig.set_image(BAD)
    rig.cluster.mishaps.extend([None, mishap])  # the dry run passes, the write meets it
    case = rig.until(State.CLOSED)
    assert (case.outcome, rig.image) == ("fixed", GOOD)
    assert len(rig.cluster.written) == 1


def test_a_status_update_that_overtakes_the_dry_run_costs_no_turn_and_no_charge(rig):
    rig.set_image(BAD)
    rig.cycle.look_once()
    rig.cycle.think_once()
    rig.cluster.mishaps.extend([Mishap.CONFLICT, Mishap.CONFLICT])
    rig.cycle.act_once()
    assert rig.image == GOOD
    assert len(changes_since(rig.store, 0.0)) == 1


def test_what_only_waits_does_not_turn_the_act_loop(rig):
    """Each turn reads the API server: waiting for a person must not become a load on it."""
    rig.set_image(BAD)
    rig.cycle.look_once()
    rig.cycle.think_once()
    assert find_cases(rig.store)[0].state is State.PROPOSED
    rig.memory.thought.clear()
    rig.works = {BAD}
    rig.set_image(BAD)  # mended by somebody else: look will close it, act has nothing to do
    rig.cycle.look_once()
    rig.cycle.act_once()
    assert not rig.memory.thought.is_set()


class BookOfAMomentAgo(CaseBook):
    """What look has read when another loop moves a case."""

    def __init__(self, store):
        super().__init__(store)
        self.read = dict(super().rows)

    @property
    def rows(self):
        return self.read


def test_a_look_that_another_loop_overtakes_records_nothing_and_goes_on(rig):
    rig.set_image(BAD)
    rig.cycle.look_once()
    rig.cycle.think_once()
    book = BookOfAMomentAgo(rig.store)
    rig.cycle.act_once()
    for _ in range(15):  # longer than the window: as proposed it would count as gone by itself
        rig.clock.advance(1.0)
        look(rig.world, rig.memory, book)
    assert find_cases(rig.store)[0].state is State.VERIFYING


def test_a_pruned_ledger_never_gives_a_case_number_twice(rig):
    from store.retention import prune

    rig.set_image(BAD)
    first = rig.until(State.CLOSED)
    rig.turn(90)
    assert prune(rig.store, older_than=rig.clock.now() + 1, at=rig.clock.now()) > 0
    rig.set_image("shop/web:1.7x")
    rig.turn(40)
    newest = find_cases(rig.store)[0]
    assert newest.case_id != first.case_id
    assert newest.opening == 2
    assert rig.store.verify().intact


@pytest.mark.parametrize("event", [Event.APPLY_STARTED, Event.ROLLBACK_STARTED])
def test_before_a_write_and_before_its_undo_every_guards_verdict_is_on_record(rig, event):
    rig.works.clear()
    rig.set_image(BAD)
    case = rig.until(State.CLOSED)
    verdicts = last_step(rig.store, case.case_id, event).payload["verdicts"]
    assert {verdict["guard"] for verdict in verdicts} == {guard.name for guard in GUARDS}
    assert all(verdict["allowed"] and verdict["inputs"] is not None for verdict in verdicts)


def test_a_target_that_cannot_be_read_is_not_taken_for_absent(rig):
    from daemon.think import consider

    rig.model.absent = Unusable(UnusableReason.UNREACHABLE, "connection refused")
    rig.set_image(BAD)
    rig.turn(2)
    (case,) = rig.memory.cases.values()
    rig.cluster.forbid("Deployment")
    asked = len(rig.model.asked)
    found = consider(rig.world, case, rig.memory.catalog.intents["web-runs"])
    assert (found.answer.reason, found.plan) == (UnusableReason.UNREACHABLE, None)
    assert "could not be read" in found.answer.detail
    assert len(rig.model.asked) == asked
