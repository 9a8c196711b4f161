"""Each fault of the first loop is seen, and its neighbours are left in peace."""

from __future__ import annotations

import pytest

from detectors.judge import judge
from detectors.model import CaseReason, FaultClass, ObjectRef, Standing, Violation
from detectors.triage import triage
from tests.fakes.world import (
    deployment,
    ending,
    endpoint_slice,
    intent,
    observation,
    pod,
    reading,
    replica_set,
    running,
    service,
    terminated,
    uid_of,
    unreadable,
    waiting,
)

WEB = ObjectRef("Deployment", "shop", "web", uid_of("Deployment", "web"))


def seen(*facts, intents=None, **world) -> tuple[Violation, ...]:
    return judge(intents or [intent()], observation(*facts, **world)).violations


def only(*facts, **world) -> Violation:
    (violation,) = seen(*facts, **world)
    return violation


def test_a_healthy_workload_is_judged_and_clear():
    judgement = judge([intent()], observation(deployment(), replica_set(), pod()))
    assert judgement.violations == ()
    assert judgement.judged == {("shop", 0)}
    assert judgement.standing("shop", WEB) is Standing.CLEAR


@pytest.mark.parametrize(
    "reason", ["ErrImagePull", "ImagePullBackOff", "InvalidImageName", "ErrImageNeverPull"]
)
def test_an_image_that_cannot_be_pulled_is_seen_with_its_name(reason):
    found = only(
        deployment(available=0), replica_set(), pod("web-1", waiting(reason, "no", image="shop/web:1.5x"))
    )
    assert (found.fault_class, found.target, found.container) == (FaultClass.IMAGE_PULL, WEB, "app")
    assert found.facts["image"] == "shop/web:1.5x"


@pytest.mark.parametrize(
    ("message", "fault_class", "facts"),
    [
        (
            "couldn't find key PORT in ConfigMap shop/web-config",
            FaultClass.CONFIG_REFERENCE,
            {"configMap": "web-config", "key": "PORT"},
        ),
        (
            "couldn't find key password in Secret shop/db",
            FaultClass.SECRET_REFERENCE,
            {"secret": "db", "key": "password"},
        ),
        ('configmap "web-config" not found', FaultClass.CONFIG_REFERENCE, {"configMap": "web-config"}),
        ('secret "db" not found', FaultClass.SECRET_REFERENCE, {"secret": "db"}),
    ],
)
def test_the_kubelets_words_name_the_missing_reference(message, fault_class, facts):
    found = only(
        deployment(available=0), replica_set(), pod("web-1", waiting("CreateContainerConfigError", message))
    )
    assert found.fault_class is fault_class
    assert {name: value for name, value in found.facts.items() if name != "image"} == facts


@pytest.mark.parametrize(
    "status",
    [
        terminated("OOMKilled", 137),
        waiting("CrashLoopBackOff", restarts=2, last=ending("OOMKilled", 137)),
        running(restarts=1, since=3, last=ending("OOMKilled", 137)),
        waiting("RunContainerError", "container init was OOM-killed (memory limit too low?): unknown"),
    ],
)
def test_an_oom_kill_is_seen_in_every_state_around_it_and_explains_the_crash_loop(status):
    found = only(deployment(available=0), replica_set(), pod("web-1", status))
    assert (found.fault_class, found.target) == (FaultClass.OOM_KILLED, WEB)


def test_an_oom_kill_of_yesterday_is_over():
    assert not seen(
        deployment(),
        replica_set(),
        pod("web-1", running(restarts=1, last=ending("OOMKilled", 137, ago=86400))),
    )


def test_exit_code_137_alone_is_no_oom_kill():
    found = seen(deployment(available=0), replica_set(), pod("web-1", terminated("Error", 137)))
    assert FaultClass.OOM_KILLED not in {violation.fault_class for violation in found}


def test_forty_pods_with_one_fault_are_one_violation_with_the_newest_as_subject():
    pods = [pod(f"web-{n}", waiting("ErrImagePull"), age=100 + n) for n in range(40)]
    found = only(deployment(replicas=40, available=0), replica_set(replicas=40), *pods)
    assert (found.subject.name, found.facts["pods"]) == ("web-0", "40")


ENDPOINTS = intent({"type": "endpointsPresent", "service": "web"})


def test_a_selector_that_matches_nothing_is_the_services_fault():
    found = only(
        service(selector={"app": "wbe"}),
        endpoint_slice(),
        deployment(),
        replica_set(),
        pod(),
        intents=[ENDPOINTS],
    )
    assert (found.fault_class, found.target.kind) == (FaultClass.NO_ENDPOINTS, "Service")
    assert found.facts["selector"] == "app=wbe"


def test_endpoints_that_are_not_ready_are_their_owners_fault():
    found = only(
        service(),
        endpoint_slice("web", False),
        deployment(available=0),
        replica_set(),
        pod("web-1", waiting("ErrImagePull")),
        intents=[ENDPOINTS],
    )
    assert (found.fault_class, found.target) == (FaultClass.ENDPOINTS_NOT_READY, WEB)


@pytest.mark.parametrize("ready", [True, None])
def test_an_endpoint_without_a_word_on_readiness_is_ready(ready):
    assert not seen(service(), endpoint_slice("web", ready), deployment(), pod(), intents=[ENDPOINTS])


def test_an_absent_service_is_absent():
    found = only(deployment(), intents=[ENDPOINTS])
    assert (found.fault_class, found.target) == (FaultClass.ABSENT, ObjectRef("Service", "shop", "web"))


METRIC = {"type": "metric", "query": "errors", "operator": "<", "threshold": 0.05}


def test_a_broken_metric_without_a_named_workload_has_no_target():
    world = observation(metrics={"shop/0": reading(broken=[0.4])})
    judgement = judge([intent(METRIC)], world)
    (case,) = triage(judgement, world)
    assert (case.fault_class, case.reason) == (FaultClass.METRIC, CaseReason.NO_TARGET)


def test_a_broken_metric_targets_the_workload_that_the_scope_names():
    world = observation(deployment(), metrics={"shop/0": reading(broken=[0.4])})
    (case,) = triage(judge([intent(METRIC, target="web")], world), world)
    assert (case.target, case.reason) == (WEB, CaseReason.MENDABLE)


def test_a_metric_that_is_not_broken_for_long_enough_is_neither_violated_nor_clear():
    world = observation(deployment(), metrics={"shop/0": reading(pending=[0.4])})
    judgement = judge([intent(METRIC, target="web")], world)
    assert judgement.violations == ()
    assert judgement.judged == {("shop", 0)}
    assert judgement.standing("shop", WEB) is Standing.UNSETTLED


def test_a_metric_that_could_not_be_read_is_unknown():
    judgement = judge([intent(METRIC)], observation(metrics={"shop/0": unreadable("metric")}))
    assert judgement.judged == frozenset()
    assert [unknown.gap.reason for unknown in judgement.unknowns] == ["TimedOut"]


def test_the_not_ready_endpoints_join_the_case_of_their_workload_behind_the_cause():
    world = observation(
        service(),
        endpoint_slice("web", False),
        deployment(available=0),
        replica_set(),
        pod("web-1", waiting("ImagePullBackOff")),
    )
    both = intent({"type": "endpointsPresent", "service": "web"}, {"type": "workloadHealthy"})
    (case,) = triage(judge([both], world), world)
    assert [violation.fault_class for violation in case.violations] == [
        FaultClass.IMAGE_PULL,
        FaultClass.ENDPOINTS_NOT_READY,
    ]
    assert case.reason is CaseReason.MENDABLE
