"""Rollouts, scaling and pauses are people's work, not faults; storms are nobody's to touch."""

from __future__ import annotations

import pytest

from detectors.judge import judge
from detectors.model import CaseReason, FaultClass, ObjectRef, Standing
from detectors.triage import PRECEDENCE, triage
from tests.fakes.world import (
    NOW,
    deployment,
    intent,
    observation,
    pod,
    reading,
    replica_set,
    running,
    stateful_set,
    terminated,
    uid_of,
    unreadable,
    waiting,
)

WEB = ObjectRef("Deployment", "shop", "web", uid_of("Deployment", "web"))


def cases(*facts, wish=None, **world):
    seen = observation(*facts, **world)
    return triage(judge([wish or intent()], seen), seen)


def test_every_fault_class_has_one_place_in_the_order_of_causes():
    assert sorted(PRECEDENCE) == sorted(FaultClass)


def test_pods_of_an_older_replica_set_do_not_speak_during_a_rollout():
    judgement = judge(
        [intent()],
        observation(
            deployment(updated=1, total=2, available=0, progressing="ReplicaSetUpdated", progressed_ago=2),
            replica_set(revision=1),
            replica_set(revision=2),
            pod("web-old", waiting("ImagePullBackOff"), revision=1),
            pod("web-new", waiting("ContainerCreating"), revision=2, age=2),
        ),
    )
    assert judgement.violations == ()
    assert judgement.standing("shop", WEB) is Standing.UNSETTLED


@pytest.mark.parametrize(
    "counts",
    [
        {"updated": 1, "total": 2, "available": 2},  # half of the pods are of the old template
        {"updated": 2, "total": 3, "available": 3},  # an old pod is left
    ],
)
def test_a_rollout_that_serves_all_the_while_is_no_fault_and_no_proof_either(counts):
    facts = (
        deployment(replicas=2, progressing="ReplicaSetUpdated", **counts),
        replica_set(revision=2),
        pod(revision=2),
    )
    judgement = judge([intent()], observation(*facts))
    assert (judgement.violations, judgement.standing("shop", WEB)) == ((), Standing.UNSETTLED)


@pytest.mark.parametrize("how", [{"terminating": True}, {"phase": "Succeeded"}, {"phase": "Failed"}])
def test_pods_that_are_on_their_way_out_do_not_count(how):
    judgement = judge(
        [intent()],
        observation(
            deployment(), replica_set(), pod("web-1"), pod("web-2", terminated("OOMKilled", 137), **how)
        ),
    )
    assert judgement.standing("shop", WEB) is Standing.CLEAR


def test_pods_of_a_deleted_namesake_do_not_count():
    stray = pod("web-1", waiting("ErrImagePull"), owned_by=("StatefulSet", "gone"))
    assert cases(deployment(), pod("web-2"), replica_set(), stray) == ()


def test_scaled_to_zero_is_healthy():
    judgement = judge([intent()], observation(deployment(replicas=0), replica_set(replicas=0)))
    assert judgement.standing("shop", WEB) is Standing.CLEAR


def test_a_pause_is_no_fault_and_a_fault_under_a_pause_is_its_owners():
    assert cases(deployment(paused=True), replica_set(), pod()) == ()
    (case,) = cases(
        deployment(paused=True, available=0), replica_set(), pod("web-1", waiting("ErrImagePull"))
    )
    assert case.reason is CaseReason.PAUSED_BY_OWNER


def going_on(*, progressed_ago: float, available_new: int = 0):
    return (
        deployment(
            replicas=2,
            updated=1,
            total=3,
            available=2,
            progressing="ReplicaSetUpdated",
            progressed_ago=progressed_ago,
        ),
        replica_set(revision=1, replicas=2, available=2),
        replica_set(revision=2, replicas=1, available=available_new),
    )


def test_a_template_that_cannot_start_is_mended_while_its_rollout_hangs():
    (case,) = cases(*going_on(progressed_ago=2), pod("new", waiting("ErrImagePull"), revision=2, age=2))
    assert case.reason is CaseReason.MENDABLE


def test_a_rollout_whose_new_pods_come_up_is_waited_for():
    facts = going_on(progressed_ago=5, available_new=1)
    (case,) = cases(*facts, pod("new", waiting("CrashLoopBackOff"), revision=2, age=5))
    assert case.reason is CaseReason.ROLLING_OUT


@pytest.mark.parametrize(("ago", "reason"), [(40, CaseReason.ROLLING_OUT), (61, CaseReason.MENDABLE)])
def test_unready_pods_are_waited_for_while_the_rollout_gains(ago, reason):
    (case,) = cases(
        *going_on(progressed_ago=ago), pod("new", running(ready=False, since=ago), revision=2, age=ago)
    )
    assert case.reason is reason


def test_a_rollout_past_its_deadline_is_mended_at_once():
    (case,) = cases(
        deployment(
            replicas=2, updated=1, available=1, progressing="ProgressDeadlineExceeded", progressed_ago=1
        ),
        replica_set(),
    )
    assert case.reason is CaseReason.MENDABLE


def test_a_change_that_the_controller_has_not_seen_is_waited_for():
    (case,) = cases(
        deployment(available=0, generation=2, observed=1),
        replica_set(),
        pod("web-1", waiting("ErrImagePull")),
    )
    assert case.reason is CaseReason.ROLLING_OUT


def shop(sick: int, healthy: int):
    for number in range(sick + healthy):
        name = f"d{number}"
        status = waiting("ErrImagePull", image=f"shop/{name}:1") if number < sick else running()
        yield deployment(name, available=0 if number < sick else 1)
        yield replica_set(name)
        yield pod(f"{name}-x", status, of=name)


@pytest.mark.parametrize(
    ("sick", "healthy", "reason"),
    [
        (3, 0, CaseReason.MENDABLE),
        (4, 0, CaseReason.STORM),
        (4, 4, CaseReason.MENDABLE),
        (5, 4, CaseReason.STORM),
    ],
)
def test_more_than_three_and_more_than_half_is_a_storm(sick, healthy, reason):
    found = cases(*shop(sick, healthy))
    assert [case.reason for case in found] == [reason] * sick


def test_a_storm_does_not_hide_what_was_nobodys_to_mend_anyway():
    metric = {"type": "metric", "query": "v", "operator": "<", "threshold": 1}
    world = observation(*shop(4, 0), metrics={"m/0": reading(broken=[2.0])})
    found = triage(judge([intent(), intent(metric, name="m")], world), world)
    assert {case.key.intent: case.reason for case in found} == {
        "shop": CaseReason.STORM,
        "m": CaseReason.NO_TARGET,
    }


def test_two_intents_about_one_object_are_two_cases_but_one_target():
    world = observation(*shop(3, 0))
    judgement = judge([intent(name="a"), intent(name="b")], world)
    assert [case.reason for case in triage(judgement, world)] == [CaseReason.MENDABLE] * 6


def test_pod_churn_and_a_changing_symptom_stay_one_case():
    first = cases(deployment(available=0), replica_set(), pod("web-1", terminated("OOMKilled", 137)))
    later = cases(
        deployment(available=0), replica_set(), pod("web-2", waiting("CrashLoopBackOff", restarts=2))
    )
    assert [case.key for case in first] == [case.key for case in later]


def test_the_worst_case_comes_first():
    found = cases(
        stateful_set("a-low", replicas=2, available=1),
        pod("a-low-0", waiting("ErrImagePull"), owned_by=("StatefulSet", "a-low")),
        *shop(1, 1),
    )
    assert [case.target.name for case in found] == ["d0", "a-low"]


def test_a_gap_hides_and_shows_nothing():
    judgement = judge([intent()], observation(*shop(2, 2), gaps=["Pod"]))
    assert (judgement.violations, judgement.judged, len(judgement.unknowns)) == ((), frozenset(), 1)
    assert judgement.standing("shop", WEB) is Standing.UNSETTLED


def test_a_gap_in_one_kind_leaves_other_intents_alone():
    other = intent({"type": "endpointsPresent", "service": "web"}, name="other", namespace="none")
    seen = observation(*shop(1, 1), gaps={"Service": unreadable("Service")}, at=NOW)
    judgement = judge([intent(), other], seen)
    assert judgement.judged == {("shop", 0)}
