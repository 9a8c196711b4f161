"""The faults that pods and their controllers show, each beside the states that only look like it."""

from __future__ import annotations

import pytest

from detectors.judge import judge
from detectors.model import FaultClass, Judgement, ObjectRef, Severity, Standing
from tests.fakes.world import (
    daemon_set,
    deployment,
    ending,
    intent,
    observation,
    pod,
    replica_set,
    running,
    stateful_set,
    terminated,
    uid_of,
    waiting,
    when,
)

WEB = ObjectRef("Deployment", "shop", "web", uid_of("Deployment", "web"))


def look(*facts, wish=None) -> Judgement:
    return judge([wish or intent()], observation(*facts))


def broken_web(*statuses, **how) -> Judgement:
    return look(deployment(available=0), replica_set(), pod("web-1", *statuses, **how))


def classes(judgement: Judgement) -> list[FaultClass]:
    return [violation.fault_class for violation in judgement.violations]


# ---------------------------------------------------------------- crash loops


def test_a_crash_loop_tells_the_exit_code():
    judgement = broken_web(waiting("CrashLoopBackOff", "back-off 10s", restarts=2, last=ending("Error", 3)))
    assert classes(judgement) == [FaultClass.CRASH_LOOP]
    assert judgement.violations[0].facts["exitCode"] == "3"


def test_a_crash_loop_that_ends_well_each_time_is_still_one():
    judgement = broken_web(waiting("CrashLoopBackOff", restarts=2, last=ending("Completed", 0)))
    assert [violation.facts["exitCode"] for violation in judgement.violations] == ["0"]


def test_three_recent_failures_are_a_crash_loop_even_while_it_runs():
    assert classes(broken_web(running(restarts=3, since=5, last=ending()))) == [FaultClass.CRASH_LOOP]


def test_a_second_failure_is_a_crash_loop_before_the_kubelet_backs_off():
    """Seen on kubelet 1.36: for seconds after the second ending its state is still `terminated`."""
    again = {**terminated("Error", 3, ago=2), "restartCount": 1, "lastState": {"terminated": ending(ago=14)}}
    assert classes(broken_web(again)) == [FaultClass.CRASH_LOOP]
    rare = {**again, "lastState": {"terminated": ending(ago=86400)}}
    assert classes(broken_web(rare)) == []


def test_one_failure_a_moment_ago_is_settling_and_no_fault():
    judgement = look(
        deployment(), replica_set(), pod("web-1", running(restarts=1, since=5, last=ending(ago=6)))
    )
    assert (classes(judgement), judgement.standing("shop", WEB)) == ([], Standing.UNSETTLED)


def test_failures_of_yesterday_are_over():
    judgement = look(deployment(), replica_set(), pod("web-1", running(restarts=9, last=ending(ago=86400))))
    assert (classes(judgement), judgement.standing("shop", WEB)) == ([], Standing.CLEAR)


def test_an_init_container_that_did_its_work_is_no_matter():
    done = terminated("Completed", 0, name="init")
    judgement = look(deployment(), replica_set(), pod("web-1", running(), init=[done]))
    assert judgement.standing("shop", WEB) is Standing.CLEAR


def test_an_init_container_that_did_its_work_again_just_now_is_no_matter():
    done = terminated("Completed", 0, name="init", ago=5)
    app = running(restarts=1, last=ending(ago=86400))
    judgement = look(deployment(), replica_set(), pod("web-1", app, init=[done]))
    assert judgement.standing("shop", WEB) is Standing.CLEAR


def test_an_init_container_that_crashes_is_named():
    init = waiting("CrashLoopBackOff", name="migrate", restarts=2, last=ending())
    judgement = broken_web(waiting("PodInitializing"), init=[init])
    assert classes(judgement) == [FaultClass.INIT_CONTAINER]
    assert (judgement.violations[0].container, judgement.violations[0].facts["init"]) == ("migrate", "true")


# ---------------------------------------------------------------- failed starts


@pytest.mark.parametrize(
    "status",
    [
        waiting("RunContainerError", 'exec: "serve": executable file not found in $PATH'),
        waiting("CreateContainerError", "context deadline exceeded"),
        terminated("StartError", 128),
        waiting("CrashLoopBackOff", restarts=1, last=ending("StartError", 128)),
        waiting("CreateContainerConfigError", "container has runAsNonRoot and image will run as root"),
    ],
)
def test_a_container_that_cannot_start_is_a_start_error_and_no_crash_loop(status):
    assert classes(broken_web(status)) == [FaultClass.START_ERROR]


@pytest.mark.parametrize(
    "message", ['object "shop"/"web-config" not registered', "failed to sync configmap cache: timed out"]
)
def test_a_kubelet_that_waits_for_its_cache_is_no_fault(message):
    judgement = broken_web(waiting("CreateContainerConfigError", message))
    assert (classes(judgement), judgement.standing("shop", WEB)) == ([], Standing.UNSETTLED)


@pytest.mark.parametrize(("age", "found"), [(60, []), (301, [FaultClass.START_ERROR])])
def test_creation_may_take_a_while_but_not_for_ever(age, found):
    assert classes(broken_web(waiting("ContainerCreating"), age=age)) == found


@pytest.mark.parametrize(("age", "found"), [(59, []), (61, [FaultClass.START_ERROR])])
def test_volumes_and_sandbox_must_stand_sooner_than_an_image_must_be_there(age, found):
    conditions = [
        {"type": "PodScheduled", "status": "True", "lastTransitionTime": when(age)},
        {"type": "PodReadyToStartContainers", "status": "False", "lastTransitionTime": when(age)},
    ]
    assert classes(broken_web(waiting("ContainerCreating"), age=age, conditions=conditions)) == found


# ---------------------------------------------------------------- readiness and scheduling


@pytest.mark.parametrize(("since", "found"), [(29, []), (31, [FaultClass.NOT_READY])])
def test_a_container_that_runs_unready_has_a_grace(since, found):
    judgement = broken_web(running(ready=False, since=since), age=since + 2)
    assert classes(judgement) == found
    assert judgement.standing("shop", WEB) is (Standing.VIOLATED if found else Standing.UNSETTLED)


def test_a_startup_probe_has_the_word_until_it_passed():
    assert classes(broken_web(running(ready=False, started=False, since=500))) == []


def test_ready_containers_in_an_unready_pod_are_their_nodes_or_gates_fault():
    unready = [{"type": "Ready", "status": "False", "lastTransitionTime": when(60)}]
    judgement = broken_web(running(), conditions=unready)
    assert [(v.fault_class, v.container) for v in judgement.violations] == [(FaultClass.NOT_READY, None)]


def unscheduled(ago: float, reason: str = "Unschedulable"):
    return [
        {
            "type": "PodScheduled",
            "status": "False",
            "reason": reason,
            "message": "0/1 nodes are available: 1 Insufficient memory.",
            "lastTransitionTime": when(ago),
        }
    ]


def test_a_pod_that_no_node_takes_is_unschedulable_with_the_schedulers_words():
    judgement = broken_web(waiting(""), conditions=unscheduled(20), phase="Pending")
    assert classes(judgement) == [FaultClass.UNSCHEDULABLE]
    assert "Insufficient memory" in judgement.violations[0].message


def test_a_rolling_update_may_wait_a_moment_for_room_and_a_gate_is_somebodys_wish():
    assert classes(broken_web(waiting(""), conditions=unscheduled(3), phase="Pending")) == []
    assert (
        classes(broken_web(waiting(""), conditions=unscheduled(99, "SchedulingGated"), phase="Pending")) == []
    )


# ---------------------------------------------------------------- replicas and absence


def test_a_controller_that_cannot_create_pods_is_heard():
    refused = {
        "type": "ReplicaFailure",
        "status": "True",
        "reason": "FailedCreate",
        "message": "not allowed",
        "lastTransitionTime": when(20),
    }
    judgement = look(deployment(available=0, total=0, conditions=[refused]), replica_set())
    assert [(v.fault_class, v.reason, v.message) for v in judgement.violations] == [
        (FaultClass.FAILED_CREATE, "FailedCreate", "not allowed")
    ]


def test_a_rollout_past_its_deadline_is_a_fault():
    judgement = look(
        deployment(replicas=2, updated=1, available=1, progressing="ProgressDeadlineExceeded"), replica_set()
    )
    assert [violation.reason for violation in judgement.violations] == ["ProgressDeadlineExceeded"]


def test_missing_pods_are_a_fault_once_nothing_moves_any_more():
    assert classes(look(stateful_set(available=0))) == [FaultClass.REPLICAS_LOW]
    young = look(stateful_set(available=0, age=5))
    assert classes(young) == []
    assert len(young.settling) == 1


@pytest.mark.parametrize(
    "one",
    [
        pod("db-0", owned_by=("StatefulSet", "db"), terminating=True),
        pod("db-0", waiting("ContainerCreating"), owned_by=("StatefulSet", "db"), age=20),
    ],
)
def test_pods_are_not_missing_while_another_one_comes_or_goes(one):
    judgement = look(stateful_set(replicas=2, available=0), one)
    assert (classes(judgement), len(judgement.settling)) == ([], 1)


def test_a_lost_pod_that_is_being_replaced_is_settling():
    judgement = look(
        deployment(available=0),
        replica_set(),
        pod("web-1", terminating=True),
        pod("web-2", waiting("ContainerCreating"), age=1),
    )
    assert (classes(judgement), judgement.standing("shop", WEB)) == ([], Standing.UNSETTLED)


AT_LEAST = intent({"type": "replicasAtLeast", "count": 2})


@pytest.mark.parametrize(
    ("workload", "reason"),
    [
        (deployment(replicas=2, available=1), "ReplicasUnavailable"),
        (deployment(replicas=1), "ScaledBelow"),
        (deployment(replicas=0), "ScaledBelow"),
        (stateful_set(replicas=3, available=1), "ReplicasUnavailable"),
        (daemon_set(nodes=4, available=1), "ReplicasUnavailable"),
    ],
)
def test_too_few_replicas_are_counted_at_once_and_scaling_too_low_is_named(workload, reason):
    assert [violation.reason for violation in look(workload, wish=AT_LEAST).violations] == [reason]


def test_enough_replicas_are_enough():
    assert look(deployment(replicas=3, available=2), wish=AT_LEAST).violations == ()


def test_a_named_workload_that_is_not_there_is_absent():
    (violation,) = look(deployment("other"), wish=intent(kind="StatefulSet", target="db")).violations
    assert (violation.fault_class, violation.target) == (
        FaultClass.ABSENT,
        ObjectRef("StatefulSet", "shop", "db"),
    )


def test_an_empty_namespace_is_kept():
    judgement = look()
    assert (judgement.violations, judgement.judged) == ((), {("shop", 0)})


def test_the_replicas_of_a_service_cannot_be_judged():
    judgement = look(deployment(), wish=intent(kind="Service", target="web"))
    assert (judgement.judged, judgement.unknowns[0].gap.reason) == (frozenset(), "Invalid")


def test_other_replicas_that_still_serve_make_it_a_warning():
    sick = pod("web-1", waiting("ErrImagePull"))
    assert [
        v.severity
        for v in look(
            deployment(replicas=2, available=1), replica_set(replicas=2), sick, pod("web-2")
        ).violations
    ] == [Severity.WARNING]


def test_labels_and_namespaces_bound_the_scope():
    sick = (
        deployment(available=0, labels={"team": "b"}),
        replica_set(),
        pod("web-1", waiting("ErrImagePull")),
    )
    assert look(*sick, wish=intent(match_labels={"team": "a"})).violations == ()
    assert look(*sick, wish=intent(namespace="other")).violations == ()
    assert len(look(*sick, wish=intent(match_labels={"team": "b"})).violations) == 1
