"""Why a Service has too few endpoints, told from the slices and then the pods."""

from __future__ import annotations

import pytest

from detectors.judge import judge
from detectors.model import FaultClass, Standing
from tests.fakes.world import (
    deployment,
    endpoint_slice,
    intent,
    observation,
    pod,
    replica_set,
    service,
    unreadable,
    waiting,
)


def look(*facts, at_least=1, **world):
    wish = intent({"type": "endpointsPresent", "service": "web", "atLeast": at_least})
    return judge([wish], observation(*facts, **world))


def told(judgement):
    return [(v.fault_class, v.reason, v.target.kind) for v in judgement.violations]


def test_addresses_count_once_over_slices_and_families():
    slices = (
        endpoint_slice("web", True, True, name="web-a"),
        endpoint_slice("web", True, name="web-b"),
        endpoint_slice("web", True, True, name="web-6", prefix="fd00::"),
    )
    pods = (pod("web-1"), pod("web-2"))
    assert told(look(service(), *slices, *pods, at_least=2)) == []
    assert told(look(service(), *slices, *pods, deployment(), replica_set(), at_least=3)) == [
        (FaultClass.ENDPOINTS_NOT_READY, "EndpointsNotReady", "Deployment")
    ]


def test_a_named_port_that_no_pod_has_is_the_services_fault():
    judgement = look(service(target_port="http"), endpoint_slice("web", True, ports=[]), pod())
    assert told(judgement) == [(FaultClass.SERVICE_PORT, "NoSuchPort", "Service")]
    assert judgement.violations[0].facts["targetPort"] == "http"


def test_a_right_selector_over_a_workload_without_pods_is_the_workloads_matter():
    judgement = look(service(), endpoint_slice(), deployment(replicas=0))
    assert told(judgement) == [(FaultClass.ENDPOINTS_NOT_READY, "EndpointsNotReady", "Deployment")]


@pytest.mark.parametrize(
    ("since", "found"), [(3, []), (60, [(FaultClass.NO_ENDPOINTS, "NotPublished", "Service")])]
)
def test_slices_may_lag_behind_ready_pods_for_a_moment(since, found):
    facts = (service(), endpoint_slice(), deployment(), replica_set(), pod(ready_since=since))
    judgement = look(*facts)
    assert told(judgement) == found
    target = judgement.settling[0].target if judgement.settling else judgement.violations[0].target
    assert judgement.standing("shop", target) is (Standing.VIOLATED if found else Standing.UNSETTLED)


def test_a_service_without_a_selector_has_only_its_slices():
    assert told(look(service(selector={}), endpoint_slice("web", True))) == []
    assert told(look(service(selector={}))) == [(FaultClass.NO_ENDPOINTS, "NoSelector", "Service")]


def test_a_pod_of_another_namespace_is_not_selected():
    judgement = look(service(), endpoint_slice(), pod(namespace="elsewhere"))
    assert told(judgement) == [(FaultClass.NO_ENDPOINTS, "NoPodMatches", "Service")]


def test_an_external_name_cannot_be_judged():
    judgement = look(service(kind="ExternalName"))
    assert (judgement.judged, judgement.unknowns[0].gap.reason) == (frozenset(), "Invalid")


def test_a_pod_without_an_owner_is_its_own_target():
    judgement = look(service(), endpoint_slice("web", False), pod("web", waiting("ErrImagePull"), of=None))
    assert [str(violation.target) for violation in judgement.violations] == ["Pod/web"]


@pytest.mark.parametrize("kind", ["Service", "EndpointSlice", "Pod", "ReplicaSet", "Deployment"])
def test_any_gap_makes_it_unknown(kind):
    judgement = look(service(), gaps={kind: unreadable(kind)})
    assert (judgement.violations, judgement.judged, judgement.unknowns[0].gap.what) == ((), frozenset(), kind)
