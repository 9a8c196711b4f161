"""A changed pod template is tried as a canary first, where the intent asks for it: only what came up healthy is
written, and however it ends the canary is gone."""

import pytest
from sqlalchemy import select

from daemon.cli.cases import explanation
from daemon.cli.status import ask
from daemon.commands import Commands
from daemon.rounds import read_catalog
from remediation.rehearsal import LABEL
from remediation.saga import Event, State
from store.projection import READ_MODELS, rebuild
from store.queries import changes_since, find_cases, last_step, pending_notices, steps
from tests.fakes.cluster import Mishap
from tests.fakes.rehearsal_rig import REHEARSED, RehearsalRig
from tests.fakes.rig import BAD, GOOD, INTENT


@pytest.fixture
def broken(tmp_path):
    """A rig with a good image known and then broken."""

    def make(before=lambda rig: None, intent=REHEARSED, **settings):
        rig = RehearsalRig(tmp_path, intent, **settings)
        rig.turn(8)
        before(rig)
        rig.set_image(BAD)
        return rig

    return make


def order(rig, verb, **arguments):
    return Commands(rig.world, rig.memory)(verb, arguments, "alice")


def told(rig):
    return [notice.body for notice in pending_notices(rig.store)] + [one.body for one in rig.notifier.sent]


def newest(rig):
    return find_cases(rig.store)[0]


def result(rig, event=Event.REHEARSAL_ENDED):
    return last_step(rig.store, newest(rig).case_id, event).payload["result"]


# ---------------------------------------------------------------- good and bad


def test_a_canary_that_stays_healthy_for_the_window_lets_the_change_through_and_is_gone_before_it(broken):
    rig = broken()
    rig.until(State.REHEARSING)
    (canary,) = rig.canaries()
    assert rig.image == BAD
    assert canary["spec"]["containers"][0]["image"] == GOOD
    assert canary["metadata"]["labels"] == {LABEL: newest(rig).case_id}
    began = rig.clock.now()
    rig.until(State.VERIFYING)
    assert rig.clock.now() - began >= 5
    assert rig.writes() == ["create Pod", "delete Pod", "patch Deployment"]
    assert (rig.image, rig.canaries()) == (GOOD, [])
    assert rig.until(State.CLOSED).outcome == "fixed"
    assert rig.store.verify().intact


def test_a_canary_that_does_not_come_up_ends_the_plan_with_nothing_written_and_a_person_told(broken):
    rig = broken()
    rig.comes_up = False
    case = rig.until(State.CLOSED)
    assert (case.outcome, rig.image, rig.canaries()) == ("escalated", BAD, [])
    assert "ImagePullBackOff" in case.outcome_reason
    assert rig.writes() == ["create Pod", "delete Pod"]
    assert any("canary" in body for body in told(rig))
    (said,) = explanation(case, steps(rig.store, case.case_id))["rehearsals"]
    assert said.startswith("failed: ImagePull")
    assert last_step(rig.store, case.case_id, Event.APPLY_STARTED) is None


def test_the_very_change_whose_canary_failed_is_not_proposed_again(broken):
    rig = broken(reopen_after="30s")
    rig.comes_up = False
    rig.until(State.CLOSED)
    rig.comes_up = True
    rig.turn(60)
    assert len(find_cases(rig.store)) > 1
    assert rig.writes() == ["create Pod", "delete Pod"]
    assert rig.image == BAD


def test_a_canary_that_breaks_within_the_window_does_not_pass(broken):
    rig = broken()
    rig.until(State.REHEARSING)
    rig.turn(3)
    (canary,) = rig.canaries()
    terminated = {"exitCode": 1, "finishedAt": "2026-01-05T10:00:20Z"}
    status = canary["status"]["containerStatuses"][0]
    status |= {
        "ready": False,
        "restartCount": 4,
        "state": {"waiting": {"reason": "CrashLoopBackOff"}},
        "lastState": {"terminated": terminated},
    }
    canary["status"]["conditions"] = [{"type": "Ready", "status": "False"}]
    rig.cluster.put(canary)
    assert rig.until(State.CLOSED).outcome == "escalated"
    assert (rig.image, rig.canaries()) == (BAD, [])


def test_an_intent_that_does_not_ask_gets_no_canary(broken):
    rig = broken(intent=INTENT)
    assert rig.until(State.CLOSED).outcome == "fixed"
    assert rig.writes() == ["patch Deployment"]


def test_the_workload_s_own_health_does_not_see_the_canary(broken):
    """Ownership and labels keep it out: the case of the workload has no second pod, and nobody else's case opens."""
    rig = broken()
    rig.comes_up = False
    rig.until(State.REHEARSING)
    rig.turn(2)
    violations = rig.memory.judgement.violations
    (canary,) = rig.canaries()
    assert {v.subject.name for v in violations} & {canary["metadata"]["name"]} == set()
    assert len(find_cases(rig.store)) == 1


# ---------------------------------------------------------------- what it costs


def charges(rig):
    return [(change.result, change.name) for change in changes_since(rig.store, 0.0)]


def test_a_canary_is_charged_with_its_row_and_the_change_that_it_lets_through_takes_the_charge_over(broken):
    rig = broken(intent=REHEARSED + "  budget: {changes: 1, per: 1h}\n")
    rig.until(State.REHEARSING)
    assert charges(rig) == [("rehearsed", "web")]
    rig.until(State.CLOSED)
    assert charges(rig) == [("held", "web")]
    tables = read_models(rig)
    with rig.store._writer.begin() as connection:
        rebuild(connection)
    assert read_models(rig) == tables


def read_models(rig):
    with rig.store.snapshot() as connection:
        return [connection.execute(select(table)).all() for table in READ_MODELS]


def test_a_canary_that_fails_uses_budget_up_and_nothing_else(broken):
    both = REHEARSED.replace(", name: web}", "}") + "  budget: {changes: 1, per: 1h}\n"
    rig = broken(lambda rig: rig.set_image(GOOD, "other"), both)
    rig.comes_up = False
    rig.until(State.CLOSED)
    assert charges(rig) == [("rehearsed", "web")]
    rig.comes_up = True
    rig.set_image(BAD, "other")
    rig.until(State.PROPOSED)
    rig.turn(8)
    refused = {
        (verdict["guard"], verdict["reason"])
        for verdict in last_step(rig.store, newest(rig).case_id, Event.GUARDED).payload["verdicts"]
        if not verdict["allowed"]
    }
    assert refused == {("budget", "Spent"), ("rehearsal", "NotYetRehearsed")}
    assert rig.writes() == ["create Pod", "delete Pod"]


# ---------------------------------------------------------------- where there can be none


def mounts(rig, **volume):
    item = rig.cluster.object("Deployment", "shop", "web")
    item["spec"]["template"]["spec"]["volumes"] = [{"name": "data", **volume}]
    rig.cluster.put(item)
    rig.run_again("web")


def test_a_template_with_a_claim_is_held_as_a_proposal_with_the_reason(broken):
    rig = broken()
    mounts(rig, persistentVolumeClaim={"claimName": "data"})
    case = rig.until(State.PROPOSED)
    rig.turn(10)
    assert (rig.image, rig.writes(), newest(rig).state) == (BAD, [], State.PROPOSED)
    assert any("persistentVolumeClaim" in body and "intentd approve" in body for body in told(rig))
    order(rig, "approve", case=case.case_id, digest=case.digest)
    assert rig.until(State.CLOSED).outcome == "fixed"
    assert rig.writes() == ["patch Deployment"]


def test_where_the_api_server_takes_no_canary_a_person_decides(broken):
    rig = broken()
    create = rig.cluster.create

    def forbidden(manifest, *, operation_id, dry_run):
        rig.cluster.mishaps.append(Mishap.REFUSED)
        return create(manifest, operation_id=operation_id, dry_run=dry_run)

    rig.cluster.create = forbidden
    case = rig.until(State.PROPOSED)
    rig.turn(5)
    assert (rig.image, rig.writes()) == (BAD, [])
    assert result(rig, Event.REHEARSAL_IMPOSSIBLE) == "untold"
    assert sum("no canary" in body for body in told(rig)) == 1
    order(rig, "approve", case=case.case_id, digest=case.digest)
    assert rig.until(State.CLOSED).outcome == "fixed"


def test_a_canary_that_finds_no_place_says_nothing_about_the_change(broken):
    rig = broken()
    rig.until(State.REHEARSING)
    (canary,) = rig.canaries()
    no_place = {"type": "PodScheduled", "status": "False", "reason": "Unschedulable", "message": "no room"}
    no_place["lastTransitionTime"] = "2026-01-05T09:00:00Z"
    canary["status"] = {"phase": "Pending", "conditions": [no_place]}
    rig.cluster.put(canary)
    rig.until(State.PROPOSED)
    rig.turn(3)
    assert result(rig) == "untold"
    assert (newest(rig).state, rig.image, rig.canaries()) == (State.PROPOSED, BAD, [])


def test_in_mode_propose_the_proposal_is_told_first_and_rehearsed_once_it_is_approved(broken):
    rig = broken(intent=REHEARSED.replace("mode: auto", "mode: propose"))
    case = rig.until(State.PROPOSED)
    rig.turn(5)
    assert rig.writes() == []
    assert any("intentd approve" in body for body in told(rig))
    order(rig, "approve", case=case.case_id, digest=case.digest)
    assert rig.until(State.CLOSED).outcome == "fixed"
    assert rig.writes() == ["create Pod", "delete Pod", "patch Deployment"]


# ---------------------------------------------------------------- always removed


def test_a_rejected_rehearsal_ends_trust_at_once_and_closes_when_the_canary_is_gone(broken):
    rig = broken()
    case = rig.until(State.REHEARSING)
    order(rig, "reject", case=case.case_id, reason="not today")
    row = rig.until(State.CLOSED, seconds=5)
    assert (row.outcome, rig.image, rig.canaries()) == ("refused", BAD, [])
    assert "not today" in row.outcome_reason


def test_a_deleted_intent_takes_its_canary_along(broken):
    rig = broken()
    rig.until(State.REHEARSING)
    rig.source.delete("web.yaml")
    read_catalog(rig.world, rig.memory, rig.source)
    assert rig.until(State.CLOSED, seconds=5).outcome == "abandoned"
    assert rig.canaries() == []


def test_a_pause_removes_the_canary_and_after_it_the_rehearsal_begins_anew(broken):
    rig = broken()
    rig.until(State.REHEARSING)
    order(rig, "pause", scope="all", reason="maintenance")
    rig.turn(3)
    assert (newest(rig).state, rig.canaries(), result(rig)) == (State.PROPOSED, [], "withdrawn")
    order(rig, "resume", scope="all")
    assert rig.until(State.CLOSED).outcome == "fixed"
    assert rig.writes() == ["create Pod", "delete Pod"] * 2 + ["patch Deployment"]


def test_under_the_kill_switch_the_canary_stays_and_status_says_so(broken):
    rig = broken()
    rig.until(State.REHEARSING)
    order(rig, "kill", reason="everything burns")
    rig.turn(30)
    assert len(rig.canaries()) == 1
    assert rig.writes() == ["create Pod"]
    (shown,) = order(rig, "status")["canaries"]
    assert shown["pod"] == rig.canaries()[0]["metadata"]["name"]
    assert shown["ends_by"] - shown["since"] == 5 + 20 + 120
    assert ask(rig.world.settings)["canaries"] == [shown]  # no daemon answers there: out of the ledger
    order(rig, "kill", lift=True, reason="out")
    rig.until(State.CLOSED)
    assert (rig.image, rig.canaries()) == (GOOD, [])


def test_a_template_that_somebody_changes_meanwhile_is_rehearsed_anew(broken):
    rig = broken()
    rig.until(State.REHEARSING)
    mounts(rig, emptyDir={})
    rig.turn(3)
    assert result(rig) == "withdrawn"
    assert rig.until(State.CLOSED).outcome == "fixed"
    assert rig.writes() == ["create Pod", "delete Pod"] * 2 + ["patch Deployment"]


def test_a_template_that_never_rests_ends_with_a_person(broken):
    many = REHEARSED + "  budget: {changes: 10, per: 1h}\n"
    rig = broken(intent=many, limits={"object_changes": 10})
    for size in range(1, 6):
        rig.until(State.REHEARSING)
        mounts(rig, emptyDir={"sizeLimit": f"{size}Mi"})
        rig.turn(3)
    row = rig.until(State.CLOSED)
    assert (row.outcome, rig.image, rig.canaries()) == ("escalated", BAD, [])
    assert "stopped for the 5th time" in row.outcome_reason


def test_a_pod_of_the_same_name_that_is_not_ours_is_left_alone(broken):
    rig = broken()
    rig.until(State.REHEARSING)
    (canary,) = rig.canaries()
    rig.cluster.remove("Pod", "shop", canary["metadata"]["name"])
    canary["metadata"]["annotations"] = {}
    del canary["metadata"]["uid"]
    rig.cluster.put(canary)
    rig.until(State.PROPOSED)
    assert len(rig.canaries()) == 1
    assert "delete Pod" not in rig.writes()


def test_what_a_rehearsal_stores_holds_no_manifest(broken):
    rig = broken()
    item = rig.cluster.object("Deployment", "shop", "web")
    item["spec"]["template"]["spec"]["containers"][0]["env"] = [{"name": "MODE", "value": "unmistakable"}]
    rig.cluster.put(item)
    rig.run_again("web")
    rig.until(State.CLOSED)
    rows = [row for row in steps(rig.store, newest(rig).case_id) if row.event.startswith("rehears")]
    assert len(rows) == 3
    assert "unmistakable" not in str([row.payload for row in rows])
